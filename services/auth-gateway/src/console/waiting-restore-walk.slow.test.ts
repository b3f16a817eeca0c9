import { launchBrowser, noBrowser } from '@rekey/test-support/browser'
import { startRekey } from '@rekey/test-support/rekey'
import type { Page } from 'playwright-core'
import t from 'tap'
import { axeViolations, isTooWide, narrow, takeScreenshot, widths } from '../layout/inspect-pages.fixture.ts'
import { createWaitingCustomers } from './waiting-restore.fixture.ts'

t.test('S58: staff end the wait of one restore and stop another, by keyboard', { skip: noBrowser }, async (t) => {
  const rekey = await startRekey(t, { staffConsole: true })
  const browser = await launchBrowser(t)
  const { waiting } = createWaitingCustomers(rekey)
  const [person, stopped] = [await waiting(), await waiting()]
  const errors: string[] = []

  const inspect = async (page: Page, state: string) => {
    t.same(await axeViolations(page), [], state)
    await page.emulateMedia({ colorScheme: 'dark' })
    t.same(await axeViolations(page, ['color-contrast']), [], `${state}, dark`)
    await page.emulateMedia({ colorScheme: 'light' })
    await takeScreenshot(page, { area: 'console-restore', state, language: 'en', view: 'desk' })
    await page.setViewportSize(narrow)
    t.equal(await isTooWide(page), false, `${state} fits a window of 320 pixels`)
    await page.setViewportSize(widths.desk)
  }
  const open = async (name: string, password: string) => {
    const context = await browser.newContext({ viewport: widths.desk })
    t.teardown(() => context.close())
    const page = await context.newPage()
    page.on('pageerror', (error) => errors.push(error.message))
    await page.goto(`${rekey.url}/staff`)
    await page.getByRole('link', { name: 'Sign in' }).click()
    await page.getByLabel('Name').fill(name)
    await page.getByLabel('Password').fill(password)
    await page.keyboard.press('Enter')
    await page.getByRole('heading', { name: 'Find a customer' }).waitFor()
    return page
  }
  /** Follows a link by the keyboard. */
  const follow = (page: Page, name: string) => page.getByRole('link', { name, exact: true }).press('Enter')
  const give = async (page: Page, reason: string) => {
    await page.getByLabel('Reason').fill(reason)
    await page.keyboard.press('Enter')
  }

  const first = await open('staff-1', '111111')
  await first.getByLabel('Email, phone number or customer code').fill(person.code)
  await first.keyboard.press('Enter')
  await first.getByRole('heading', { name: 'Waiting restore' }).waitFor()
  await inspect(first, 'customer')
  await follow(first, 'End the wait')
  await first.getByText('You have not verified who is calling.').waitFor()
  await inspect(first, 'end-wait-unverified')
  await follow(first, 'Verify the caller')
  const app = first.getByRole('radio', { name: /authenticator app/ })
  await app.waitFor()
  await inspect(first, 'verify')
  await app.check()
  await app.press('Enter')
  await first.getByLabel('Code', { exact: true }).fill(person.nextOtp())
  await first.keyboard.press('Enter')
  await first.getByText('Verified by you', { exact: true }).waitFor()
  await follow(first, 'End the wait')
  await first.getByText('A second person must approve this before it happens.').waitFor()
  await inspect(first, 'end-wait')
  await give(first, 'Flight tonight')
  await first.getByRole('heading', { name: 'A second person must approve it' }).waitFor()
  await inspect(first, 'waiting')

  const second = await open('staff-2', '222222')
  await follow(second, 'Approvals')
  await follow(second, `End the wait of a restore: ${person.code}`)
  await second.getByText('Flight tonight').waitFor()
  await inspect(second, 'approval')
  await follow(second, 'Approve')
  await give(second, 'Heard the call')
  await second.getByRole('heading', { name: `Approved: End the wait of a restore: ${person.code}` }).waitFor()
  await follow(second, `Open the approval`)
  await second.getByText('Heard the call').waitFor()
  await second.goto(`${rekey.url}/staff/customers/${person.id}`)
  await second.getByText('ended early by staff').waitFor()
  await inspect(second, 'customer-ended-early')

  await second.goto(`${rekey.url}/staff/customers/${stopped.id}`)
  await follow(second, 'Stop the restore')
  await second.getByText('The password stays as it is.').waitFor()
  await inspect(second, 'veto')
  await give(second, 'The customer did not ask')
  await second.getByRole('heading', { name: `The restore of ${stopped.code} is stopped` }).waitFor()
  await inspect(second, 'vetoed')
  await follow(second, 'Open the customer')
  await second.getByText('Stopped by').waitFor()
  await inspect(second, 'customer-vetoed')
  t.same(errors, [], 'no error in the browser')
})
