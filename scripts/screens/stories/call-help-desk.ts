import type { Story, Studio } from '../studio.ts'
import { withPhone } from './people.ts'

const signIn = async ({ gateway, openDesk }: Studio) => {
  const page = await openDesk()
  await page.goto(`${gateway}/staff`)
  await page.getByRole('link', { name: 'Sign in' }).click()
  await page.getByLabel('Name').fill('staff-1')
  await page.getByLabel('Password').fill('111111')
  await page.keyboard.press('Enter')
  await page.getByLabel('Email, phone number or customer code').waitFor()
  return page
}

/** A customer calls the help desk; agent and customer prove to each other who they are, and the agent demands a new password. */
export const callHelpDesk: Story = {
  title: 'A customer calls the help desk',
  async play(studio) {
    const { take, takeMail } = studio
    const { email, code: customer } = withPhone
    const page = await signIn(studio)

    await page.getByLabel('Email, phone number or customer code').fill(email)
    await page.keyboard.press('Enter')
    await page.getByText('Not verified by you').waitFor()
    await take(page, 'console-customer', 'The agent finds the customer who calls: not verified yet.')
    await page.getByRole('link', { name: 'Demand a new password' }).click()
    await page.getByText('You have not verified who is calling.').waitFor()
    await take(page, 'console-unverified', 'An act needs a verified caller, or a reason and a second person.')
    await page.getByRole('link', { name: 'Verify the caller' }).click()
    await page.getByRole('radio', { name: /By email to/ }).check()
    await take(page, 'console-verify', 'The agent chooses how the customer proves who they are.')
    await page.getByRole('button', { name: 'Begin' }).click()
    await page.getByRole('heading', { name: '1. Say these two words' }).waitFor()
    await take(page, 'console-words', 'The agent says two words, and waits for the code.')
    const text = await takeMail(
      email,
      /Read this code only then/,
      'verification-mail',
      'The customer hears the words of the mail, so it is the bank that speaks, and reads out the code.',
    )
    await page.getByLabel('Code', { exact: true }).fill(/^Read this code only then: (\d{6})/m.exec(text)?.[1] ?? '')
    await page.keyboard.press('Enter')
    await page.getByText('Verified by you', { exact: true }).waitFor()
    await take(page, 'console-verified', 'The code is right: for 15 minutes this agent may act for this customer.')
    await page.getByRole('link', { name: 'Demand a new password' }).click()
    await page.getByText('You verified this customer.').waitFor()
    await page.getByLabel('Reason').fill('Typed the password into a copy of our site')
    await take(page, 'console-reset', 'The agent gives the reason, and demands a new password.')
    await page.keyboard.press('Enter')
    await page.getByRole('heading', { name: `${customer} must choose a new password` }).waitFor()
    await take(
      page,
      'console-done',
      'The customer is signed out everywhere, and the old password only serves to choose a new one.',
    )
    await takeMail(email, /new password/i, 'reset-mail', 'A mail tells the customer what was done, and how to go on.')
  },
}
