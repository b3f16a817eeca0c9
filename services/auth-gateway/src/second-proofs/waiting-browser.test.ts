import { launchBrowser, noBrowser } from '@rekey/test-support/browser'
import { eventually } from '@rekey/test-support/eventually'
import { codesOf, signsIn } from '@rekey/test-support/flows'
import { submitPatiently } from '@rekey/test-support/patient-page'
import { startRekey } from '@rekey/test-support/rekey'
import t from 'tap'
import { axeViolations, isTooWide, narrow, widths } from '../layout/inspect-pages.fixture.ts'
import { createProver, newPassword } from './second-proofs.fixture.ts'
import { createWaiter } from './waiting-restores.fixture.ts'

t.test(
  'a customer without the second method waits, stops a reset, and sets the password after another',
  { skip: noBrowser },
  async (t) => {
    const rekey = await startRekey(t)
    const { inbox } = rekey
    const [browser, person] = await Promise.all([launchBrowser(t), createProver(rekey).enrolled()])
    const { pass, wait, until, vetoPath } = createWaiter(rekey)

    const context = await browser.newContext({ viewport: widths.phone })
    context.setDefaultTimeout(120_000)
    t.teardown(() => context.close())
    const page = await context.newPage()
    const errors: string[] = []
    page.on('console', (message) => errors.push(message.text()))
    page.on('pageerror', (error) => errors.push(error.message))

    const press = (name: string) => page.getByRole('button', { name, exact: true }).click()
    const heading = (name: string) => page.getByRole('heading', { level: 1, name })
    const title = (name: string) =>
      heading(name)
        .waitFor()
        .catch(async (cause) => {
          throw new Error(`${name}: ${await page.locator('main').textContent()}`, { cause })
        })
    /** No violation of WCAG 2.2 AA, and nothing cut off in a narrow window. */
    const inspect = async (state: string) => {
      t.same(await axeViolations(page), [], state)
      await page.setViewportSize(narrow)
      t.equal(await isTooWide(page), false, `${state} fits a window of 320 pixels`)
      await page.setViewportSize(widths.phone)
    }

    /** The hosted restore up to the new password, and the page that it leads to. */
    const restoreUpTo = async (next: string) => {
      await page.goto(`${rekey.url}/restore`)
      await page.getByLabel('Email or phone number').fill(person.email)
      await press('Continue')
      await title('Check your email')
      const verification = await page.locator('.shown strong').textContent()
      const confirmation = await eventually(
        async () =>
          (await inbox.messagesTo(person.email)).map(codesOf).find((codes) => codes.verification === verification)
            ?.confirmation,
        { what: 'the code' },
      )
      await page.getByLabel('Confirmation code').fill(confirmation)
      await press('Continue')
      await title('Choose a new password')
      await submitPatiently(page, heading(next), async () => {
        await page.getByLabel('New password').fill(newPassword)
        await press('Set password')
      })
    }

    await restoreUpTo('Confirm that it is you')
    await inspect('choice with a way to wait')
    await press('I cannot do any of this now')
    await title('Your reset is waiting')
    await inspect('waiting')
    await page.reload()
    await title('Your reset is waiting')
    await press('I can confirm now')
    await title('Confirm that it is you')

    await page.goto(`${rekey.url}${await vetoPath(person.email)}`)
    await title('Stop the reset of your password?')
    await inspect('veto')
    await page.reload()
    await until(person.id, 'waiting 1')
    await press('Stop the reset')
    await title('The reset is stopped')
    await inspect('vetoed')
    await until(person.id, 'vetoed 1 by link')

    await pass(person.id, 25)
    await restoreUpTo('Confirm that it is you')
    await press('I cannot do any of this now')
    await title('Your reset is waiting')
    await wait(person.id)
    t.ok(await signsIn(rekey, person, person.password), 'the password is still the old one')
    await restoreUpTo('Your password is changed')
    t.ok(await signsIn(rekey, person, newPassword))
    t.same(errors, [])
  },
)
