import { launchBrowser, noBrowser } from '@rekey/test-support/browser'
import { createCustomer } from '@rekey/test-support/customers'
import { eventually } from '@rekey/test-support/eventually'
import { codesOf, reportLinkOf, restore, restoreGrant, signsIn } from '@rekey/test-support/flows'
import { submitPatiently } from '@rekey/test-support/patient-page'
import { patiently } from '@rekey/test-support/patiently'
import { startRekey } from '@rekey/test-support/rekey'
import type { BrowserContext, BrowserContextOptions, Locator, Page } from 'playwright-core'
import t, { type Test } from 'tap'

const phone = { viewport: { width: 375, height: 667 } }
const desk = { viewport: { width: 1280, height: 800 } }
const views = [
  { name: 'a phone', options: phone },
  { name: 'a desktop', options: desk },
  { name: 'a phone without JavaScript', options: { ...phone, javaScriptEnabled: false } },
] satisfies { name: string; options: BrowserContextOptions }[]

const password = 'four words of mine'
/** Longer than a busy machine takes for a page. */
const longestMs = 120_000

t.test('the pages work in a browser', { skip: noBrowser }, async (t) => {
  const rekey = await startRekey(t, { env: { REKEY_PASSWORD_BLOCKLIST: 'true' } })
  const browser = await launchBrowser(t)

  /** Opens a tab that records browser errors (for example a blocked style) and requests to other origins. */
  const openTab = async (context: BrowserContext) => {
    const page = await context.newPage()
    const browserErrors: string[] = []
    // A busy server answers 503, which a walk repeats and the browser reports.
    page.on('console', (message) => message.text().includes('status of 503') || browserErrors.push(message.text()))
    page.on('pageerror', (error) => browserErrors.push(error.message))
    page.on('request', (request) => {
      if (!request.url().startsWith(`${rekey.url}/`)) browserErrors.push(`request to ${request.url()}`)
    })
    return { page, browserErrors }
  }
  const openBrowser = async (t: Test, options: BrowserContextOptions) => {
    const context = await browser.newContext(options)
    context.setDefaultTimeout(longestMs)
    t.teardown(() => context.close())
    return { context, ...(await openTab(context)) }
  }
  const customerWith = () => createCustomer(rekey.postgres.url)

  const checkLayout = async (t: Test, page: Page, what: string) => {
    t.match(await page.title(), `${await page.locator('h1').textContent()} · Rekey`)
    const { width } = page.viewportSize() ?? { width: 0 }
    const box = await page.locator('main').boundingBox()
    t.ok(box && box.x >= 0 && box.x + box.width <= width, `${what} fits`)
    // A text, because TypeScript does not know the names of the browser, where it runs.
    const styled = await page.evaluate("getComputedStyle(document.querySelector('main')).borderTopLeftRadius")
    t.not(styled, '0px', `${what} has its style`)
    const tooWide = await page.evaluate('document.documentElement.scrollWidth > document.documentElement.clientWidth')
    t.equal(tooWide, false, `${what} does not scroll sideways`)
  }

  const heading = (page: Page, name: string) => page.getByRole('heading', { name, level: 1 }).waitFor()
  const askCode = async (page: Page, email: string) => {
    await page.goto(`${rekey.url}/restore`)
    await page.getByLabel('Email or phone number').fill(email)
    await page.getByRole('button', { name: 'Continue' }).click()
    await heading(page, 'Check your email')
  }
  const readCode = async (page: Page, email: string) => {
    const verification = await page.locator('.shown strong').textContent()
    return eventually(async () => {
      const codes = (await rekey.inbox.messagesTo(email)).map(codesOf)
      return codes.find((one) => one.verification === verification)?.confirmation
    })
  }
  const enterCode = async (page: Page, code: string) => {
    await page.getByLabel('Confirmation code').fill(code)
    await page.getByRole('button', { name: 'Continue' }).click()
  }

  /** Submits the new password until the page shows this. @returns the title of the page */
  const enterPassword = (page: Page, text: string, press: () => Promise<void>, next: Locator) =>
    submitPatiently(page, next, async () => {
      await page.locator('#password').fill(text)
      await press()
    })

  for (const { name, options } of views) {
    t.test(`a customer restores the password on ${name}, and reloads each page`, async (t) => {
      const customer = await customerWith()
      const { page, context, browserErrors } = await openBrowser(t, options)
      await page.goto(`${rekey.url}/restore`)
      await checkLayout(t, page, 'the first page')
      await askCode(page, customer.email)
      await checkLayout(t, page, 'the page for the code')
      const confirmation = await readCode(page, customer.email)
      await enterCode(page, (await page.locator('.shown strong').textContent()) ?? '')
      await page.getByRole('alert').getByText('This is the verification code').waitFor()
      await page.reload()
      await page.getByRole('alert').getByText('This is the verification code').waitFor()
      t.equal(await page.evaluate('document.activeElement.className'), 'summary', 'the error has the focus')
      await enterCode(page, confirmation)

      await heading(page, 'Choose a new password')
      await page.reload()
      await page.goBack()
      await heading(page, 'Choose a new password')
      await checkLayout(t, page, 'the page for the password')
      const submit = () => page.getByRole('button', { name: 'Set password' }).click()
      const problem = page.locator('#password-problem').getByText('This password is too easy to guess')
      await enterPassword(page, 'iloveyou', submit, problem)
      await checkLayout(t, page, 'the page with a problem')
      await page.goto(`${page.url()}?lang=de`)
      await page.getByRole('heading', { name: 'Neues Passwort wählen' }).waitFor()
      await page.goto(`${page.url().split('?')[0]}?lang=en`)
      const changed = page.getByRole('heading', { name: 'Your password is changed' })
      const end = await enterPassword(page, password, submit, changed)
      await page.reload()
      await page.goBack()
      await heading(page, end)
      await checkLayout(t, page, 'the last page')
      for (const cookie of await context.cookies()) {
        t.match(cookie, { name: /^rekey-(browser|lang)$/, httpOnly: true, sameSite: 'Lax' })
      }
      t.same(browserErrors, [])
      t.ok(await signsIn(rekey, customer, password))
    })

    t.test(`a customer reports a compromise on ${name}`, async (t) => {
      const customer = await customerWith()
      const grant = await restoreGrant(rekey, customer)
      await patiently(() => restore(rekey, grant, 'Qwerty-12345'))
      const link = await eventually(async () => {
        const messages = await rekey.inbox.messagesTo(customer.email)
        return messages.flatMap((message) => reportLinkOf(message) ?? [])[0]
      })
      const { page, context, browserErrors } = await openBrowser(t, options)
      await page.goto(link)
      await checkLayout(t, page, 'the page that asks for a confirmation')
      await page.getByRole('button', { name: 'Block my account' }).click()
      await heading(page, 'Your account is blocked')
      await checkLayout(t, page, 'the result page')
      t.same(await context.cookies(), [], 'the report needs no cookie')
      t.same(browserErrors, [])
    })

    if (options === desk) continue
    t.test(`on a slow network, buttons that are pressed twice do once, on ${name}`, async (t) => {
      const customer = await customerWith()
      const { page, context } = await openBrowser(t, options)
      const devTools = await context.newCDPSession(page)
      const network = { offline: false, downloadThroughput: 50_000, uploadThroughput: 20_000, latency: 150 }
      await devTools.send('Network.emulateNetworkConditions', network)
      await page.goto(`${rekey.url}/restore`)
      const twice = (name: string) => page.getByRole('button', { name, exact: true }).dblclick({ noWaitAfter: true })
      await page.getByLabel('Email or phone number').fill(customer.email)
      await twice('Continue')
      await heading(page, 'Check your email')
      const code = await readCode(page, customer.email)
      t.equal((await rekey.inbox.messagesTo(customer.email)).length, 1, 'one code')
      await page.getByLabel('Confirmation code').fill(code)
      await twice('Continue')
      await heading(page, 'Choose a new password')
      const changed = page.getByRole('heading', { name: 'Your password is changed' })
      await enterPassword(page, password, () => twice('Set password'), changed)
      t.equal(await page.locator('.notice').count(), 0)
      t.ok(await signsIn(rekey, customer, password))
    })
  }

  t.test('the keyboard alone restores a password', async (t) => {
    const customer = await customerWith()
    const { page } = await openBrowser(t, desk)
    /** Presses Tab until this has the focus, which is always visible. */
    const tabTo = async (selector: string) => {
      for (let presses = 0; presses < 20; presses += 1) {
        await page.keyboard.press('Tab')
        const outline = await page.evaluate('getComputedStyle(document.activeElement).outlineStyle')
        t.equal(outline, 'solid', 'the focus is visible')
        if (await page.evaluate(`document.activeElement.matches(${JSON.stringify(selector)})`)) return
      }
      throw new Error(`${selector} is not reached`)
    }
    await page.goto(`${rekey.url}/restore`)
    await tabTo('#username')
    await page.keyboard.type(customer.email)
    await page.keyboard.press('Enter')
    await heading(page, 'Check your email')
    const code = await readCode(page, customer.email)
    await tabTo('.languages summary')
    await page.keyboard.press('Enter')
    await tabTo('.languages a[lang=es]')
    await page.keyboard.press('Enter')
    await heading(page, 'Revise su correo')
    t.equal(await page.evaluate('document.documentElement.lang'), 'es')
    await tabTo('#code')
    await page.keyboard.type(code)
    await page.keyboard.press('Enter')
    await heading(page, 'Elija una contraseña nueva')
    await tabTo('#password')
    await page.keyboard.type(password)
    await tabTo('[data-shows]')
    await page.keyboard.press('Space')
    t.equal(await page.locator('#password').getAttribute('type'), 'text')
    await tabTo('form button:not([data-shows])')
    const changed = page.getByRole('heading', { name: 'Su contraseña ha cambiado' })
    await enterPassword(page, password, () => page.keyboard.press('Enter'), changed)
  })

  t.test('two tabs hold two restores', async (t) => {
    const people = [await customerWith(), await customerWith()]
    const { context, page } = await openBrowser(t, phone)
    const tabs = [page, (await openTab(context)).page]
    const codes: string[] = []
    for (const [index, tab] of tabs.entries()) await askCode(tab, people[index]?.email ?? '')
    for (const [index, tab] of tabs.entries()) codes.push(await readCode(tab, people[index]?.email ?? ''))
    for (const [index, tab] of tabs.entries()) await enterCode(tab, codes[index] ?? '')
    for (const [index, tab] of tabs.entries()) {
      await heading(tab, 'Choose a new password')
      const submit = () => tab.getByRole('button', { name: 'Set password' }).click()
      const changed = tab.getByRole('heading', { name: 'Your password is changed' })
      await enterPassword(tab, `${password} ${index}`, submit, changed)
    }
    for (const [index, person] of people.entries()) t.ok(await signsIn(rekey, person, `${password} ${index}`))
  })

  t.test('the script helps: strength, countdown, and a typed address in another language', async (t) => {
    const customer = await customerWith()
    const { page, browserErrors } = await openBrowser(t, phone)
    let bytes = 0
    page.on('response', async (response) => {
      if (response.status() === 200)
        bytes += (await response.body()).length + Buffer.byteLength(JSON.stringify(await response.allHeaders()))
    })
    await page.goto(`${rekey.url}/restore`, { waitUntil: 'networkidle' })
    await eventually(() => bytes > 0)
    t.ok(bytes <= 20_480, `the first view has ${bytes} bytes in all`)
    await page.getByLabel('Email or phone number').fill(customer.email)
    await page.locator('.languages summary').click()
    await page.getByRole('link', { name: 'Русский' }).click()
    await heading(page, 'Восстановление пароля')
    t.equal(await page.locator('#username').inputValue(), customer.email)
    await page.goto(`${rekey.url}/restore?lang=en`)
    await askCode(page, customer.email)
    const before = await page.locator('[data-clock]').textContent()
    await eventually(async () => (await page.locator('[data-clock]').textContent()) !== before)
    await enterCode(page, await readCode(page, customer.email))
    await page.getByLabel('New password').fill('password')
    await page.getByText('Very weak: many people would guess it.').waitFor()
    await page.getByLabel('New password').fill('violet kettle paper moon')
    await page.locator('.strength[data-score="4"]').getByText('Strong.').waitFor()
    t.same(browserErrors, [])
  })
})
