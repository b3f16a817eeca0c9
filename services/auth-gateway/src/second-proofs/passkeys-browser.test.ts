import { launchBrowser, noBrowser } from '@rekey/test-support/browser'
import { createCustomer } from '@rekey/test-support/customers'
import { eventually } from '@rekey/test-support/eventually'
import { login } from '@rekey/test-support/flows'
import { createWalk, openPage } from '@rekey/test-support/page-walk'
import { startRekey } from '@rekey/test-support/rekey'
import { addVirtualAuthenticator } from '@rekey/test-support/virtual-authenticator'
import type { Page } from 'playwright-core'
import t from 'tap'
import { createInspection, widths } from '../layout/inspect-pages.fixture.ts'
import { createProver, newPassword } from './second-proofs.fixture.ts'

/** Runs a ceremony in a page. @returns the credential, or the name of the browser's error */
const ceremony = (page: Page, kind: 'create' | 'get', options: unknown) =>
  page.evaluate(
    `(async (options) => {
      const read = { create: 'parseCreationOptionsFromJSON', get: 'parseRequestOptionsFromJSON' }['${kind}']
      try {
        const credential = await navigator.credentials.${kind}({ publicKey: PublicKeyCredential[read](options) })
        return { credential: credential.toJSON() }
      } catch ({ name }) {
        return { error: name }
      }
    })(${JSON.stringify(options)})`,
  ) as Promise<{ credential?: object; error?: string }>

t.test(
  'S56: a customer enrols a passkey, signs in and restores the password with it',
  { skip: noBrowser },
  async (t) => {
    const rekey = await startRekey(t, { host: 'localhost' })
    const [browser, person] = await Promise.all([launchBrowser(t), createCustomer(rekey.postgres.url)])
    const { http, inbox } = rekey
    const { page } = await openPage(t, browser, { viewport: widths.phone })
    const authenticator = await addVirtualAuthenticator(page)
    const walk = createWalk(page, inbox)
    const { press, title, alert, submitUntil, setPassword } = walk
    const inspect = createInspection(t, page)
    const enterCode = (next: string) => walk.enterCode(person.email, next)
    const fillSignIn = (password: string) => walk.fillSignIn(rekey.url, { email: person.email, password })

    await fillSignIn(person.password)
    await press(/^Email to/)
    await title('Check your email')
    await enterCode('Your account')
    await page.goto(`${rekey.url}/account/security`)
    await press('Continue')
    await title('Check your email')
    await enterCode('Security')
    await press('Add a passkey')
    await title('Add a passkey')
    await inspect('new passkey')
    await page.getByLabel('Name of the device').fill('My phone')
    await authenticator.setUserVerified(false)
    await press('Add a passkey')
    await alert('No passkey was used')
    await authenticator.setUserVerified(true)
    await press('Add a passkey')
    await title('Your passkey is added')
    await inspect('passkey added')
    await page.getByRole('link', { name: 'Back to Security' }).click()
    await title('Security')
    t.match(await page.locator('main').textContent(), /Passkey: My phone/)
    await inspect('list with a passkey')
    await press('Get recovery codes')
    await title('Use your passkey')
    await press('Use passkey')
    await title('Recovery codes')
    await page.goto(`${rekey.url}/account`)
    await press('Sign out')

    const beginSignIn = async (password: string) => {
      await submitUntil('Confirm that it is you', () => fillSignIn(password))
      await press('Your passkey')
      await title('Use your passkey')
    }
    await beginSignIn(person.password)
    await inspect('passkey')
    await authenticator.setUserVerified(false)
    await press('Use passkey')
    await alert('No passkey was used')
    await inspect('no passkey')
    await authenticator.setUserVerified(true)
    await press('Use passkey')
    await title('Your account')
    await press('Sign out')

    await walk.restoreUpToPassword(rekey.url, person.email)
    await setPassword(newPassword, 'Confirm that it is you')
    await press('Your passkey')
    await title('Use your passkey')
    await press('Use passkey')
    await page.getByText('You have confirmed that it is you').waitFor()
    await setPassword(newPassword, 'Your password is changed')

    const { choose } = createProver(rekey)
    const asked = await choose((await login(rekey, { ...person, password: newPassword })).body.mfa_token, 'webauthn')
    const { publicKey } = asked.body as unknown as { publicKey: object }
    const signed = await ceremony(page, 'get', publicKey)
    const complete = () =>
      http.post('/oauth/v2/token', { grant_type: 'mfa_webauthn', mfa_token: asked.body.mfa_token, ...signed })
    t.equal((await complete()).status, 200)
    t.match(await complete(), { status: 400, body: { error: 'invalid_grant' } }, 'a replayed challenge')

    await authenticator.clone()
    await beginSignIn(newPassword)
    await press('Use passkey')
    await alert('This passkey was not accepted')
    const copied = async () => (await inbox.messagesTo(person.email)).find(({ Subject }) => /was copied/.test(Subject))
    t.ok(await eventually(copied, { what: 'the notification of the copied passkey' }))
    const { body } = await login(rekey, { ...person, password: newPassword })
    t.notOk(body.challenge_type.includes('webauthn'), 'a removed passkey is not offered')

    await page.goto(`${rekey.url.replace('localhost', 'elsewhere.localhost')}/restore`)
    t.same(await ceremony(page, 'get', publicKey), { error: 'SecurityError' }, 'the page of another host gets none')
  },
)
