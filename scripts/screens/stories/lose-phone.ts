import type { Story } from '../studio.ts'
import { newPassword, withApp } from './people.ts'

/** Somebody who has the mailbox but not the app opens a waiting restore, and the customer stops it. */
export const losePhone: Story = {
  title: 'The phone with the app is lost: the reset waits, and the customer stops it',
  async play({ gateway, phoneOf, take, takeMail }) {
    const { email } = withApp
    const { page, walk } = await phoneOf(email)

    await walk.restoreUpToPassword(gateway, email)
    await walk.setPassword(newPassword, 'Confirm that it is you')
    await take(page, 'no-app', 'Somebody reads the mail of a customer, but does not have the phone with the app.')
    await walk.pressUntil('Your reset is waiting', 'I cannot do any of this now')
    await take(page, 'waiting', 'With one proof of two the reset waits for a day, and the password stays as it is.')
    const text = await takeMail(
      email,
      /\/v\//,
      'waiting-mail',
      'Every address of the customer is told at once, with a link to stop it.',
    )
    await page.goto(gateway + (/\/v\/[\w-]{22}/.exec(text)?.[0] ?? ''))
    await walk.title('Stop the reset of your password?')
    await take(page, 'veto', 'The customer did not ask for it, and opens the link.')
    await walk.pressUntil('The reset is stopped', 'Stop the reset')
    await take(page, 'vetoed', 'The reset is stopped: the password never changed.')
  },
}
