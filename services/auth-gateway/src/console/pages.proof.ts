import { launchBrowser, noBrowser } from '@rekey/test-support/browser'
import { createCustomer } from '@rekey/test-support/customers'
import { asBearer, askRestore, backOfficeToken, signIn } from '@rekey/test-support/flows'
import { startRekey } from '@rekey/test-support/rekey'
import { languages, pseudoLanguage } from '@rekey/texts'
import t from 'tap'
import { axeViolations, isTooWide, screenshotsDir, takeScreenshot, widths } from '../layout/inspect-pages.fixture.ts'
import { createWaitingCustomers } from './waiting-restore.fixture.ts'

t.test(
  'each page of the console in each language, width and colour scheme',
  {
    skip: noBrowser,
    timeout: 0,
  },
  async (t) => {
    const rekey = await startRekey(t, {
      staffConsole: true,
      env: { REKEY_BACK_OFFICE_FOUR_EYES: 'true', REKEY_STAFF_NEEDS_PROOF: 'true' },
    })
    const customer = await createCustomer(rekey.postgres.url)
    await askRestore(rekey, customer.email)
    await signIn(rekey, customer)
    const browser = await launchBrowser(t)
    const context = await browser.newContext({ viewport: widths.desk })
    t.teardown(() => context.close())
    const page = await context.newPage()
    await page.goto(`${rekey.url}/staff`)
    await page.getByRole('link', { name: 'Sign in' }).click()
    await page.getByLabel('Name').fill('staff-1')
    await page.getByLabel('Password').fill('111111')
    await page.getByRole('button', { name: 'Sign in' }).click()
    await page.goto(`${rekey.url}/staff/customers/${customer.id}/reset`)
    await page.getByLabel('Reason').fill('Lost phone')
    await page.keyboard.press('Enter')
    await page.getByRole('link', { name: 'Open the approval' }).waitFor()
    const waiting = new URL(page.url()).pathname
    await page.getByRole('link', { name: 'Open the approval' }).click()
    const approval = new URL(page.url()).pathname
    await rekey.http.send(
      'PUT',
      `/api/v2/clients/${customer.id}/block`,
      { ...asBearer(await backOfficeToken(rekey)), 'content-type': 'application/json' },
      JSON.stringify({ reason: 'Card stolen' }),
    )

    await page.goto(`${rekey.url}/staff/customers/${customer.id}/verify`)
    await page.getByRole('button', { name: 'Begin' }).click()
    await page.getByRole('heading', { name: '1. Say these two words' }).waitFor()
    const words = new URL(page.url()).pathname

    const { waiting: openRestore } = createWaitingCustomers(rekey)
    const { id: withRestore } = await openRestore()
    const of = (path: string) => `/staff/customers/${customer.id}${path}`
    const states: Record<string, string> = {
      'sign-in': '/staff/sign-in',
      find: '/staff',
      customer: of(''),
      messages: of('/messages'),
      history: of('/history'),
      sessions: of('/sessions'),
      unblock: of('/unblock'),
      verify: of('/verify'),
      words,
      restore: `/staff/customers/${withRestore}`,
      'veto-restore': `/staff/customers/${withRestore}/veto-restore`,
      'end-wait': `/staff/customers/${withRestore}/end-wait`,
      'verify-restore': `/staff/customers/${withRestore}/verify`,
      'reset-waiting': of('/reset'),
      'set-password': of('/set-password'),
      waiting,
      approvals: '/staff/approvals',
      'own-approval': approval,
      jobs: '/staff/jobs',
      'reset-all': '/staff/reset-all',
      error: '/staff/customers/999999',
    }
    let checked = 0
    for (const [view, viewport] of Object.entries(widths)) {
      await page.setViewportSize(viewport)
      for (const language of [...languages, pseudoLanguage] as const) {
        for (const [state, path] of Object.entries(states)) {
          const what = `${view} ${language} ${state}`
          await page.emulateMedia({ colorScheme: 'light' })
          await page.goto(`${rekey.url}${path}?lang=${language}`)
          t.same(await axeViolations(page), [], what)
          t.equal(await isTooWide(page), false, `${what} fits`)
          await takeScreenshot(page, { area: 'console', state, language, view })
          await page.emulateMedia({ colorScheme: 'dark' })
          t.same(await axeViolations(page, ['color-contrast']), [], `${what}, dark`)
          await takeScreenshot(page, { area: 'console', state, language, view: `${view}-dark` })
          checked += 1
        }
      }
    }
    t.comment(`${checked} pages without a violation; pictures in ${screenshotsDir}`)
  },
)
