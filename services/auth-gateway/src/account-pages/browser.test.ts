import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { launchBrowser, noBrowser } from '@rekey/test-support/browser'
import { createCustomer, type TestCustomer } from '@rekey/test-support/customers'
import { eventually } from '@rekey/test-support/eventually'
import { codesOf, codeVerifier, pkce, restore, signInTokens } from '@rekey/test-support/flows'
import { submitPatiently } from '@rekey/test-support/patient-page'
import { startRekey } from '@rekey/test-support/rekey'
import type { BrowserContextOptions, Page } from 'playwright-core'
import t, { type Test } from 'tap'

const phone = { viewport: { width: 375, height: 667 } }

t.test('the account pages and the authorization work in a browser', { skip: noBrowser }, async (t) => {
  // A client's own page, to which an authorization leads back.
  const app = createServer((_request, response) =>
    response.setHeader('content-type', 'text/html').end('<h1>The app</h1>'),
  )
  await new Promise<void>((done) => app.listen(0, '127.0.0.1', done))
  t.teardown(() => app.close())
  const callback = `http://127.0.0.1:${(app.address() as AddressInfo).port}/callback`
  const dir = mkdtempSync(join(tmpdir(), 'rekey-clients-'))
  t.teardown(() => rmSync(dir, { recursive: true, force: true }))
  const scopes = ['CUSTOMER:FULL', 'CUSTOMER:PASSWORD:RESTORE', 'CUSTOMER:PASSWORD:CHANGE']
  const client = { client_id: 'ib_localhost', type: 'public', origins: [], scopes }
  writeFileSync(
    join(dir, 'clients.json'),
    JSON.stringify([{ ...client, redirect_uris: [callback, 'http://localhost'] }]),
  )
  const rekey = await startRekey(t, { env: { REKEY_CLIENTS_FILE: join(dir, 'clients.json') } })
  const browser = await launchBrowser(t)

  const open = async (t: Test, options: BrowserContextOptions) => {
    const context = await browser.newContext(options)
    t.teardown(() => context.close())
    const page = await context.newPage()
    const errors: string[] = []
    page.on('console', (message) => errors.push(message.text()))
    page.on('pageerror', (error) => errors.push(error.message))
    return { page, errors }
  }

  /** Waits for a page by its title. Otherwise the error states what is there instead. */
  const title = (page: Page, name: string) =>
    page
      .getByRole('heading', { level: 1, name })
      .waitFor()
      .catch(async (error) => {
        throw new Error(`${name}: ${await page.locator('main').textContent()}`, { cause: error })
      })
  const confirmation = async (page: Page, to: string) => {
    const verification = (await page.locator('.shown strong').textContent()) ?? ''
    return eventually(
      async () =>
        (await rekey.inbox.messagesTo(to)).map(codesOf).find((codes) => codes.verification === verification)
          ?.confirmation,
      { what: 'the code' },
    )
  }
  const code = (page: Page) => page.getByLabel('Confirmation code')
  const press = (page: Page, name: string | RegExp) => page.getByRole('button', { name }).first()

  /** Does it again while other hashes keep the machine busy. */
  const patiently = (page: Page, next: string, work: () => Promise<void>) =>
    submitPatiently(page, page.getByRole('heading', { level: 1, name: next }), work)

  const signIn = async (page: Page, customer: TestCustomer, way: 'click' | 'dblclick') => {
    await page.goto(`${rekey.url}/account`)
    await title(page, 'Sign in')
    await patiently(page, 'Where should we send your code?', async () => {
      await page.getByLabel('Email or phone number').fill(customer.email)
      await page.getByLabel('Password', { exact: true }).fill(customer.password)
      await press(page, 'Sign in')[way]()
    })
    await page.reload()
    await press(page, /^Email to/)[way]()
    await title(page, 'Check your email')
    await page.reload()
    await code(page).fill(await confirmation(page, customer.email))
    await press(page, 'Continue')[way]()
    await title(page, 'Your account')
  }

  for (const [name, options, way] of [
    ['with script, each button pressed once', phone, 'click'],
    ['without script, each button pressed twice', { ...phone, javaScriptEnabled: false }, 'dblclick'],
  ] as const) {
    t.test(`a customer changes the password and signs out elsewhere on a phone, ${name}`, async (t) => {
      const customer = await createCustomer(rekey.postgres.url)
      await signInTokens(rekey, customer)
      const { page, errors } = await open(t, options)
      await signIn(page, customer, way)

      await page.getByRole('link', { name: 'Where you are signed in' }).click()
      await title(page, 'Where you are signed in')
      await press(page, 'Sign out on all other devices')[way]()
      await page.getByText('You are signed in nowhere else.').waitFor()
      await page.reload()
      await page.getByText('All other devices are signed out.').waitFor()
      await page.getByRole('link', { name: 'Back to your account' }).click()

      await page.getByRole('link', { name: 'Change your password' }).click()
      await press(page, 'Send the code')[way]()
      await title(page, 'Check your email')
      await page.goBack()
      await page.reload()
      await title(page, 'Check your email')
      await code(page).fill(await confirmation(page, customer.email))
      await press(page, 'Continue')[way]()
      await title(page, 'Choose a new password')
      await page.reload()
      await patiently(page, 'Your password is changed', async () => {
        await page.getByLabel('Current password').fill(customer.password)
        await page.getByLabel('New password', { exact: true }).fill('four words of mine')
        await press(page, 'Set password')[way]()
      })
      await page.reload()
      await page.getByRole('link', { name: 'Back to your account' }).click()

      await page.getByRole('link', { name: 'Password history' }).click()
      await page.getByText('You changed your password').waitFor()
      await page.goto(`${rekey.url}/account?lang=de`)
      await press(page, 'Abmelden')[way]()
      await title(page, 'Sie sind abgemeldet')
      await page.goBack()
      await page.reload()
      await title(page, 'Anmelden')
      t.same(errors, [])
    })
  }

  t.test('the sign-in works with the keyboard alone', async (t) => {
    const customer = await createCustomer(rekey.postgres.url)
    const { page, errors } = await open(t, phone)
    await page.goto(`${rekey.url}/account/sign-in`)
    const tabTo = async (what: string) => {
      for (let presses = 0; presses < 12; presses += 1) {
        await page.keyboard.press('Tab')
        const focused = await page.evaluate('document.activeElement.name + " " + document.activeElement.textContent')
        if (String(focused).includes(what)) return
      }
      t.fail(`no focus on ${what}`)
    }
    await tabTo('username')
    await page.keyboard.type(customer.email)
    await tabTo('password')
    await page.keyboard.type('wrong')
    await page.keyboard.press('Enter')
    await page.getByText('These sign-in details are not correct.').waitFor()
    t.match(await page.evaluate('document.activeElement.className'), 'summary', 'the error has the focus')
    await tabTo('password')
    await page.keyboard.type(customer.password)
    await page.keyboard.press('Enter')
    await title(page, 'Where should we send your code?')
    await tabTo('Email to')
    await page.keyboard.press('Enter')
    await title(page, 'Check your email')
    await tabTo('code')
    await page.keyboard.type(await confirmation(page, customer.email))
    await page.keyboard.press('Enter')
    await title(page, 'Your account')
    t.same(errors, [])
  })

  t.test('A7: an authorization leads back to the client, which sets the password', async (t) => {
    const customer = await createCustomer(rekey.postgres.url)
    const { page, errors } = await open(t, phone)
    const query = { response_type: 'code', client_id: 'ib_localhost', redirect_uri: callback, state: 's1', ...pkce }
    await page.goto(`${rekey.url}/oauth/v2/authorize?${new URLSearchParams(query)}`)
    await page.getByLabel('Email or phone number').fill(customer.email)
    await press(page, 'Continue').click()
    await title(page, 'Check your email')
    await page.reload()
    await code(page).fill(await confirmation(page, customer.email))
    await press(page, 'Continue').dblclick()
    await title(page, 'The app')
    const { searchParams } = new URL(page.url())
    t.same([searchParams.get('state'), searchParams.get('iss')], ['s1', rekey.url])
    const { body } = await rekey.http.post('/oauth/v2/token', {
      grant_type: 'authorization_code',
      code: searchParams.get('code'),
      client_id: 'ib_localhost',
      redirect_uri: callback,
      code_verifier: codeVerifier,
    })
    t.equal((await restore(rekey, String(body.access_token), 'a new password')).status, 204)
    await page.goBack()
    t.ok(await page.getByRole('heading', { level: 1 }).textContent())
    t.same(
      errors.filter((error) => !error.includes('favicon')),
      [],
    )
  })
})
