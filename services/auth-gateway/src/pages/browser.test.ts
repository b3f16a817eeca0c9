import { launchBrowser, noBrowser } from '@rekey/test-support/browser'
import { createCustomer } from '@rekey/test-support/customers'
import { eventually } from '@rekey/test-support/eventually'
import { codesOf, reportLinkOf, restore, restoreGrant } from '@rekey/test-support/flows'
import { startRekey } from '@rekey/test-support/rekey'
import type { BrowserContextOptions, Page } from 'playwright-core'
import t, { type Test } from 'tap'

const views = [
  { name: 'a phone', options: { viewport: { width: 375, height: 667 } } },
  { name: 'a desktop', options: { viewport: { width: 1280, height: 800 } } },
  {
    name: 'a phone without JavaScript',
    options: { viewport: { width: 375, height: 667 }, javaScriptEnabled: false },
  },
] satisfies { name: string; options: BrowserContextOptions }[]

t.test('the pages work in a browser', { skip: noBrowser }, async (t) => {
  const rekey = await startRekey(t, { env: { REKEY_PASSWORD_BLOCKLIST: 'true' } })
  const browser = await launchBrowser(t)

  /** Opens a page that records browser errors (for example a blocked style) and requests to other origins. */
  const openBrowser = async (t: Test, options: BrowserContextOptions) => {
    const context = await browser.newContext(options)
    t.teardown(() => context.close())
    const page = await context.newPage()
    const browserErrors: string[] = []
    page.on('console', (message) => {
      // The browser logs the 422 of a refused password as an error.
      if (!message.text().includes('a status of 422')) browserErrors.push(message.text())
    })
    page.on('pageerror', (error) => browserErrors.push(error.message))
    page.on('request', (request) => {
      if (!request.url().startsWith(`${rekey.url}/`)) browserErrors.push(`request to ${request.url()}`)
    })
    return { page, context, browserErrors }
  }

  const checkLayout = async (t: Test, page: Page, what: string) => {
    t.equal(await page.title(), `${await page.locator('h1').textContent()} · Rekey`)
    const { width } = page.viewportSize() ?? { width: 0 }
    const box = await page.locator('main').boundingBox()
    t.ok(box && box.x >= 0 && box.x + box.width <= width, `${what} fits`)
    // A text, because TypeScript does not know the names of the browser, where it runs.
    const styled = await page.evaluate("getComputedStyle(document.querySelector('main')).borderTopLeftRadius")
    t.not(styled, '0px', `${what} has its style`)
    const tooWide = await page.evaluate('document.documentElement.scrollWidth > document.documentElement.clientWidth')
    t.equal(tooWide, false, `${what} does not scroll sideways`)
  }

  for (const { name, options } of views) {
    t.test(`a customer restores the password on ${name}`, async (t) => {
      const customer = await createCustomer(rekey.postgres.url)
      const { page, context, browserErrors } = await openBrowser(t, options)
      await page.goto(`${rekey.url}/restore`)
      await checkLayout(t, page, 'the first page')
      await page.getByLabel('E-mail address or phone number').fill(customer.email)
      await page.getByRole('button', { name: 'Send the code' }).click()

      await page.getByRole('heading', { name: 'Enter the code' }).waitFor()
      await checkLayout(t, page, 'the page for the code')
      const verification = /Verification code\s+(\d{4})/.exec((await page.locator('.shown').textContent()) ?? '')?.[1]
      const confirmation = await eventually(async () => {
        const message = (await rekey.inbox.messagesTo(customer.email))[0]
        return message && codesOf(message).verification === verification ? codesOf(message).confirmation : undefined
      })
      await page.getByLabel('Confirmation code').fill(confirmation)
      await page.getByRole('button', { name: 'Go on' }).click()

      await page.getByRole('heading', { name: 'Choose a new password' }).waitFor()
      await checkLayout(t, page, 'the page for the password')
      await page.getByLabel('New password').fill('short')
      await page.getByLabel('The same again').fill('short')
      await page.getByRole('button', { name: 'Set the password' }).click()
      await page.getByText('The password must have at least 8 characters.').waitFor()
      await page.getByLabel('New password').fill('iloveyou')
      await page.getByLabel('The same again').fill('iloveyou')
      await page.getByRole('button', { name: 'Set the password' }).click()
      await page.getByText('The password is too easy to guess: many people use it, or one like it.').waitFor()
      await checkLayout(t, page, 'the page with a problem')
      await page.getByLabel('New password').fill('four words of mine')
      await page.getByLabel('The same again').fill('four words of mine')
      await page.getByRole('button', { name: 'Set the password' }).click()

      await page.getByRole('heading', { name: 'You have a new password' }).waitFor()
      await checkLayout(t, page, 'the last page')
      t.same(await context.cookies(), [])
      t.same(browserErrors, [])
    })

    t.test(`a customer reports a compromise on ${name}`, async (t) => {
      const customer = await createCustomer(rekey.postgres.url)
      await restore(rekey, await restoreGrant(rekey, customer), 'Qwerty-12345')
      const link = await eventually(async () => {
        const messages = await rekey.inbox.messagesTo(customer.email)
        return messages.flatMap((message) => reportLinkOf(message) ?? [])[0]
      })
      const { page, browserErrors } = await openBrowser(t, options)
      await page.goto(link)
      await checkLayout(t, page, 'the page that asks for a confirmation')
      await page.getByRole('button', { name: 'Block my account' }).click()
      await page.getByRole('heading', { name: 'Your account is blocked' }).waitFor()
      await checkLayout(t, page, 'the result page')
      t.same(browserErrors, [])
    })
  }
})
