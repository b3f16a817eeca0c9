import type { Story } from '../studio.ts'
import { newPassword, withMail } from './people.ts'

/** The customer with the passkey restores the password with two proofs: mail and passkey. */
export const losePassword: Story = {
  title: 'The customer loses the password, and restores it with mail and passkey',
  async play({ gateway, phoneOf, take, takeMail }) {
    const { email } = withMail
    const { page, walk } = await phoneOf(email)

    await page.goto(`${gateway}/restore`)
    await page.getByLabel('Email or phone number').fill(email)
    await take(page, 'restore', 'The customer has forgotten the password, and asks for a reset.')
    await walk.pressUntil('Check your email', 'Continue')
    await take(page, 'restore-code', 'The page shows a verification code, and waits for the confirmation code.')
    const confirmation = await walk.confirmation(email)
    await takeMail(
      email,
      new RegExp(confirmation),
      'restore-mail',
      'The mail shows the same verification code: it belongs to the page.',
    )
    await walk.enterCode(email, 'Choose a new password')
    await page.getByLabel('New password').fill(newPassword)
    await take(page, 'new-password', 'The customer chooses a new password.')
    await walk.setPassword(newPassword, 'Confirm that it is you')
    await take(page, 'second-proof', 'The mailbox alone is not enough: the page asks for a second proof.')
    await walk.pressUntil('Use your passkey', 'Your passkey')
    await take(page, 'use-passkey', 'The customer takes the passkey, and unlocks the phone.')
    await walk.press('Use passkey')
    await page.getByText('You have confirmed that it is you').waitFor()
    await take(page, 'proven', 'Both proofs are given: the new password is typed once more.')
    await walk.setPassword(newPassword, 'Your password is changed')
    await take(page, 'changed', 'The password is changed, and every session is signed out.')
    await takeMail(
      email,
      /It was not me/,
      'changed-mail',
      'A mail tells of the new password, and has a link to stop a thief.',
    )
  },
}
