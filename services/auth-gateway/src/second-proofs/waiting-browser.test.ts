import { launchBrowser, noBrowser } from '@rekey/test-support/browser'
import { signsIn } from '@rekey/test-support/flows'
import { createWalk, openPage } from '@rekey/test-support/page-walk'
import { startRekey } from '@rekey/test-support/rekey'
import t from 'tap'
import { createInspection, widths } from '../layout/inspect-pages.fixture.ts'
import { createProver, newPassword } from './second-proofs.fixture.ts'
import { createWaiter } from './waiting-restores.fixture.ts'

t.test(
  'a customer without the second method waits, stops a reset, and sets the password after another',
  { skip: noBrowser },
  async (t) => {
    const rekey = await startRekey(t)
    const [browser, person] = await Promise.all([launchBrowser(t), createProver(rekey).enrolled()])
    const { pass, wait, until, vetoPath } = createWaiter(rekey)

    const { page, errors } = await openPage(t, browser, { viewport: widths.phone })
    const { press, title, restoreUpToPassword, setPassword } = createWalk(page, rekey.inbox)
    const inspect = createInspection(t, page)
    /** The hosted restore up to the new password, and the page that it leads to. */
    const restoreUpTo = async (next: string) => {
      await restoreUpToPassword(rekey.url, person.email)
      await setPassword(newPassword, next)
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
