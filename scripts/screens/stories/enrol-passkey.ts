import type { Story } from '../studio.ts'
import { withMail } from './people.ts'

/** A customer who has mail alone enrols a passkey on the account's Security page. */
export const enrolPasskey: Story = {
  title: 'A customer enrols a passkey',
  async play({ gateway, phoneOf, take, takeMail }) {
    const { email } = withMail
    const { page, walk } = await phoneOf(email)

    await walk.submitUntil('Check your email', () => walk.fillSignIn(gateway, withMail))
    await walk.enterCode(email, 'Your account')
    await take(page, 'account', 'The customer has signed in with the password and a code by mail, and opens Security.')

    await page.getByRole('link', { name: 'Security' }).click()
    await walk.title('Security')
    await take(page, 'security-proof', 'Before anything changes, the customer proves again who they are.')
    await walk.pressUntil('Check your email', 'Continue')
    await walk.enterCode(email, 'Security')
    await take(page, 'security-empty', 'Nothing protects the account but the password and the mailbox.')

    await walk.pressUntil('Add a passkey', 'Add a passkey')
    await page.getByLabel('Name of the device').fill('My phone')
    await take(page, 'new-passkey', 'The customer names the device, and unlocks it when the browser asks for it.')
    await walk.press('Add a passkey')
    await walk.title('Your passkey is added')
    await take(page, 'passkey-added', 'The passkey is added.')
    await takeMail(email, /passkey/i, 'passkey-mail', 'A mail tells of the passkey, in case somebody else added it.')
    await page.getByRole('link', { name: 'Back to Security' }).click()
    await walk.title('Security')
    await take(page, 'security-passkey', 'Security lists the passkey with the device that holds it.')
    await page.goto(`${gateway}/account`)
    await walk.press('Sign out')
  },
}
