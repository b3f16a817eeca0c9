import { launchBrowser, noBrowser } from '@rekey/test-support/browser'
import { createCustomer } from '@rekey/test-support/customers'
import { eventually } from '@rekey/test-support/eventually'
import { askRestore } from '@rekey/test-support/flows'
import { startRekey } from '@rekey/test-support/rekey'
import type { Page } from 'playwright-core'
import t from 'tap'
import { createElementWatch } from '../layout/gallery.fixture.ts'
import { axeViolations, isTooWide, narrow, widths } from '../layout/inspect-pages.fixture.ts'

// axe inspects the pages that have a new element. pages.proof.ts: each page in every language, width and colour scheme,
// with pictures.

t.test('two members of staff help a customer, with four eyes', { skip: noBrowser }, async (t) => {
  const rekey = await startRekey(t, { staffConsole: true, env: { REKEY_BACK_OFFICE_FOUR_EYES: 'true' } })
  const [browser, customer] = await Promise.all([launchBrowser(t), createCustomer(rekey.postgres.url)])
  await askRestore(rekey, customer.email)
  const errors: string[] = []

  const hasNewElements = createElementWatch()
  /** No violation of WCAG 2.2 AA, and nothing cut off in a narrow window. */
  const inspect = async (page: Page, state: string) => {
    if (hasNewElements(await page.content())) t.same(await axeViolations(page), [], state)
    await page.setViewportSize(narrow)
    t.equal(await isTooWide(page), false, `${state} fits a window of 320 pixels`)
    await page.setViewportSize(widths.desk)
  }

  const open = async (name: string, password: string) => {
    const context = await browser.newContext({ viewport: widths.desk })
    t.teardown(() => context.close())
    const page = await context.newPage()
    page.on('pageerror', (error) => errors.push(error.message))
    page.on('console', (message) => {
      // The browser logs a search without a result, 404, and a refused password, 422, as errors.
      if (!/a status of 4(04|22)/.test(message.text())) errors.push(message.text())
    })
    await page.goto(`${rekey.url}/staff`)
    if (name === 'staff-1') await inspect(page, 'sign-in')
    await page.getByRole('link', { name: 'Sign in' }).click()
    if (name === 'staff-1') t.same(await axeViolations(page), [], 'the demo provider')
    await page.getByLabel('Name').fill(name)
    await page.getByLabel('Password').fill(password)
    await page.getByRole('button', { name: 'Sign in' }).click()
    await page.getByRole('heading', { name: 'Find a customer' }).waitFor()
    return page
  }

  // By keyboard alone.
  const first = await open('staff-1', '111111')
  await inspect(first, 'find')
  const who = first.getByLabel('Email, phone number or customer code')
  await who.fill('nobody@example.com')
  await first.keyboard.press('Enter')
  await first.getByText('No customer has this.').first().waitFor()
  await inspect(first, 'find-none')
  await who.fill(customer.email)
  await first.keyboard.press('Enter')
  await first.getByRole('heading', { name: `Customer ${customer.code}` }).waitFor()
  await inspect(first, 'customer')

  await first.getByRole('link', { name: 'All messages' }).click()
  await eventually(
    async () => {
      await first.reload()
      return (await first.getByText('Handed over').count()) > 0
    },
    { what: 'the code to be handed over' },
  )
  await inspect(first, 'messages')
  await first.getByRole('link', { name: 'Back to the customer' }).click()
  await first.getByRole('link', { name: 'Demand a new password' }).click()
  await inspect(first, 'reset')
  await first.getByLabel('Reason').fill('Lost phone, identity checked by video')
  await first.keyboard.press('Enter')
  await first.getByRole('heading', { name: 'A second person must approve it' }).waitFor()
  await inspect(first, 'waiting')
  await first.goBack()
  await first.getByText('You have done this already.').waitFor()
  await inspect(first, 'done-already')
  await first.getByRole('link', { name: 'See what happened' }).click()
  await first.getByRole('link', { name: 'Open the approval' }).click()
  await first.getByText('You asked for this yourself').waitFor()
  t.equal(await first.getByRole('link', { name: 'Approve', exact: true }).count(), 0)
  await inspect(first, 'own-approval')

  const second = await open('staff-2', '222222')
  await second.getByRole('link', { name: 'Approvals' }).click()
  await inspect(second, 'approvals')
  await second.getByRole('link', { name: `Demand a new password: ${customer.code}` }).click()
  await second.getByText('Lost phone, identity checked by video').waitFor()
  await second.getByText('staff-1', { exact: true }).waitFor()
  await inspect(second, 'approval')
  await second.getByRole('link', { name: 'Approve', exact: true }).click()
  await inspect(second, 'approve')
  await second.getByLabel('Reason').fill('Seen the video')
  await second.getByRole('button', { name: 'Approve' }).dblclick()
  await second.getByRole('heading', { name: `Approved: Demand a new password: ${customer.code}` }).waitFor()
  await inspect(second, 'approved')
  await rekey.inbox.messagesTo(customer.email)
  await eventually(async () => (await rekey.inbox.messagesTo(customer.email)).length > 1, {
    what: 'the message about the reset',
  })
  await second.getByRole('link', { name: 'Messages to the customer' }).click()
  await second.getByText('Notification: new password needed').first().waitFor()

  const page = async (path: string, state: string, text: string | RegExp) => {
    await second.goto(`${rekey.url}/staff${path}`)
    await second.getByText(text).first().waitFor()
    await inspect(second, state)
  }
  await page(`/customers/${customer.id}/history`, 'history', 'by staff-1, approved by staff-2')
  t.equal(await second.getByText('New password demanded').count(), 1, 'a double click approves once')
  await page(`/customers/${customer.id}/sessions`, 'sessions', 'The customer is signed in nowhere.')
  await page(`/customers/${customer.id}/set-password`, 'set-password', 'I have made sure who is calling.')
  await second.getByLabel('Temporary password', { exact: true }).fill('short')
  await second.getByRole('button', { name: 'Show' }).click()
  await second.getByLabel('I tell it to the customer myself').check()
  await second.getByLabel('I have made sure who is calling.').check()
  await second.getByLabel('Reason').fill('Lost phone, passport seen')
  await second.keyboard.press('Enter')
  await second.getByText('Use at least 8 characters.').first().waitFor()
  await inspect(second, 'set-password-refused')
  t.equal(await second.getByLabel('I tell it to the customer myself').isChecked(), true)
  await second.getByLabel('Temporary password', { exact: true }).fill('Temporary-4711')
  await second.getByRole('button', { name: 'Set the temporary password' }).dblclick()
  await second.getByRole('heading', { name: 'A second person must approve it' }).waitFor()
  await first.goto(`${rekey.url}/staff/approvals`)
  await first.getByRole('link', { name: `Set a temporary password: ${customer.code}` }).click()
  await first.getByText('Lost phone, passport seen').waitFor()
  await first.getByRole('link', { name: 'Approve', exact: true }).click()
  await first.getByLabel('Reason').fill('Seen the passport too')
  await first.getByRole('button', { name: 'Approve' }).click()
  await first.getByRole('heading', { name: `Approved: Set a temporary password: ${customer.code}` }).waitFor()
  await page(`/customers/${customer.id}/block`, 'block', 'Block now')
  await second.getByLabel('Reason').fill('Card stolen')
  await second.getByRole('button', { name: 'Block now' }).click()
  await second.getByRole('heading', { name: `${customer.code} is blocked` }).waitFor()
  await inspect(second, 'blocked')
  await page(`/customers/${customer.id}`, 'customer-blocked', 'Blocked')
  await page('/jobs', 'jobs', 'No job was started yet.')
  await page('/reset-all', 'reset-all', 'Prepare the help desk for calls.')
  await page('/customers/999999', 'error', 'Not found')

  await second.getByRole('button', { name: 'Sign out' }).click()
  await second.getByRole('heading', { name: 'You are signed out' }).waitFor()
  await inspect(second, 'signed-out')
  await second.goBack()
  await second.getByRole('link', { name: 'Sign in' }).waitFor()
  t.same(errors, [], 'no error in the browser')
})
