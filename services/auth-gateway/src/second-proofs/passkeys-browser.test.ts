import { launchBrowser, noBrowser } from '@rekey/test-support/browser'
import { createCustomer } from '@rekey/test-support/customers'
import { eventually } from '@rekey/test-support/eventually'
import { codesOf, login } from '@rekey/test-support/flows'
import { submitPatiently } from '@rekey/test-support/patient-page'
import { startRekey } from '@rekey/test-support/rekey'
import type { CDPSession, Page } from 'playwright-core'
import t from 'tap'
import { axeViolations, isTooWide, narrow, widths } from '../layout/inspect-pages.fixture.ts'
import { createProver, newPassword } from './second-proofs.fixture.ts'

/** A platform authenticator that presses its button by itself. */
const addAuthenticator = async (cdp: CDPSession) => {
  await cdp.send('WebAuthn.enable')
  const { authenticatorId } = await cdp.send('WebAuthn.addVirtualAuthenticator', {
    options: {
      protocol: 'ctap2',
      transport: 'internal',
      hasResidentKey: true,
      hasUserVerification: true,
      isUserVerified: true,
      automaticPresenceSimulation: true,
    },
  })
  return {
    setUserVerified: (isUserVerified: boolean) =>
      cdp.send('WebAuthn.setUserVerified', { authenticatorId, isUserVerified }),
    /** Puts a copy of the credential from before its first use in its place. */
    async clone() {
      const { credentials } = await cdp.send('WebAuthn.getCredentials', { authenticatorId })
      const [credential] = credentials
      if (!credential) throw new Error('the authenticator has no credential')
      await cdp.send('WebAuthn.removeCredential', { authenticatorId, credentialId: credential.credentialId })
      await cdp.send('WebAuthn.addCredential', { authenticatorId, credential: { ...credential, signCount: 0 } })
    },
  }
}

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
    const context = await browser.newContext({ viewport: widths.phone })
    context.setDefaultTimeout(120_000)
    t.teardown(() => context.close())
    const page = await context.newPage()
    const authenticator = await addAuthenticator(await context.newCDPSession(page))

    const press = (name: string | RegExp) => page.getByRole('button', { name, exact: true }).click()
    const heading = (name: string) => page.getByRole('heading', { level: 1, name })
    /** Waits for a page by its title. Otherwise the error states what is there instead. */
    const title = (name: string) =>
      heading(name)
        .waitFor()
        .catch(async (cause) => {
          throw new Error(`${name}: ${await page.locator('main').textContent()}`, { cause })
        })
    const alert = (text: string) => page.getByRole('alert').getByText(text).waitFor()
    const submitUntil = (next: string, submit: () => Promise<void>) => submitPatiently(page, heading(next), submit)

    /** No violation of WCAG 2.2 AA, and nothing cut off in a narrow window. */
    const inspect = async (state: string) => {
      t.same(await axeViolations(page), [], state)
      await page.setViewportSize(narrow)
      t.equal(await isTooWide(page), false, `${state} fits a window of 320 pixels`)
      await page.setViewportSize(widths.phone)
    }
    const enterCode = async () => {
      const verification = await page.locator('.shown strong').textContent()
      const confirmation = await eventually(
        async () =>
          (await inbox.messagesTo(person.email)).map(codesOf).find((codes) => codes.verification === verification)
            ?.confirmation,
        { what: 'the code' },
      )
      await page.getByLabel('Confirmation code').fill(confirmation)
      await press('Continue')
    }
    const fillSignIn = async (password: string) => {
      await page.goto(`${rekey.url}/account`)
      await page.getByLabel('Email or phone number').fill(person.email)
      await page.getByLabel('Password', { exact: true }).fill(password)
      await press('Sign in')
    }

    await fillSignIn(person.password)
    await press(/^Email to/)
    await title('Check your email')
    await enterCode()
    await title('Your account')
    await page.goto(`${rekey.url}/account/security`)
    await press('Continue')
    await title('Check your email')
    await enterCode()
    await title('Security')
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

    await page.goto(`${rekey.url}/restore`)
    await page.getByLabel('Email or phone number').fill(person.email)
    await press('Continue')
    await title('Check your email')
    await enterCode()
    await title('Choose a new password')
    const setPassword = async () => {
      await page.getByLabel('New password').fill(newPassword)
      await press('Set password')
    }
    await submitUntil('Confirm that it is you', setPassword)
    await press('Your passkey')
    await title('Use your passkey')
    await press('Use passkey')
    await page.getByText('You have confirmed that it is you').waitFor()
    await submitUntil('Your password is changed', setPassword)

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
