import { launchBrowser, noBrowser } from '@rekey/test-support/browser'
import { createCustomer } from '@rekey/test-support/customers'
import { startRekey } from '@rekey/test-support/rekey'
import t from 'tap'
import { axeViolations, isTooWide, narrow, widths } from '../layout/inspect-pages.fixture.ts'
import { readVerifications } from './verification.fixture.ts'

t.test('S59: an agent verifies a caller and resets the password, by keyboard', { skip: noBrowser }, async (t) => {
  const rekey = await startRekey(t, { staffConsole: true, env: { REKEY_STAFF_NEEDS_PROOF: 'true' } })
  const [browser, customer] = await Promise.all([launchBrowser(t), createCustomer(rekey.postgres.url)])
  const context = await browser.newContext({ viewport: widths.desk })
  t.teardown(() => context.close())
  const page = await context.newPage()
  const errors: string[] = []
  page.on('pageerror', (error) => errors.push(error.message))
  const inspect = async (state: string) => {
    t.same(await axeViolations(page), [], state)
    await page.emulateMedia({ colorScheme: 'dark' })
    t.same(await axeViolations(page, ['color-contrast']), [], `${state}, dark`)
    await page.emulateMedia({ colorScheme: 'light' })
    await page.setViewportSize(narrow)
    t.equal(await isTooWide(page), false, `${state} fits a window of 320 pixels`)
    await page.setViewportSize(widths.desk)
  }

  await page.goto(`${rekey.url}/staff`)
  await page.getByRole('link', { name: 'Sign in' }).click()
  await page.getByLabel('Name').fill('staff-1')
  await page.getByLabel('Password').fill('111111')
  await page.keyboard.press('Enter')
  await page.getByLabel('Email, phone number or customer code').fill(customer.email)
  await page.keyboard.press('Enter')
  await page.getByText('Not verified by you').waitFor()
  await inspect('customer')

  await page.getByRole('link', { name: 'Demand a new password' }).click()
  await page.getByText('You have not verified who is calling.').waitFor()
  await inspect('act without a proof')
  await page.getByRole('link', { name: 'Verify the caller' }).click()
  await page.getByRole('radio', { name: /By email to/ }).waitFor()
  await inspect('choice of a way')
  await page.getByRole('radio', { name: /By email to/ }).press('Enter')
  await page.getByRole('heading', { name: '1. Say these two words' }).waitFor()
  await inspect('words')
  const [{ words = '', code = '' } = {}] = await readVerifications(rekey, customer.email)
  await page.getByText(words, { exact: true }).waitFor()
  const field = page.getByLabel('Code', { exact: true })
  await field.fill(String((Number(code) + 1) % 1_000_000).padStart(6, '0'))
  await page.keyboard.press('Enter')
  await page.getByText('This code is wrong').first().waitFor()
  await inspect('wrong code')
  await field.fill(code)
  await page.keyboard.press('Enter')
  await page.getByText('Verified by you', { exact: true }).waitFor()
  await inspect('verified customer')

  await page.getByRole('link', { name: 'Demand a new password' }).click()
  await page.getByText('You verified this customer.').waitFor()
  await page.getByLabel('Reason').fill('Lost phone')
  await page.keyboard.press('Enter')
  await page.getByRole('heading', { name: `${customer.code} must choose a new password` }).waitFor()
  t.same(errors, [], 'no error in the browser')
})
