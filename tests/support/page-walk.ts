import type { Browser, BrowserContextOptions, Page } from 'playwright-core'
import { eventually } from './eventually.ts'
import { codesOf } from './flows.ts'
import type { Teardown } from './infrastructure.ts'
import { submitPatiently } from './patient-page.ts'

/** Each step is an answer of real servers: a busy machine makes it slow. */
const longestMs = 120_000

/** Messages that customers got. */
export interface Mailbox {
  /** The newest first. */
  messagesTo(to: string): Promise<readonly { Text: string }[]>
}

/** Opens a page in a browser session of its own, closed at the end. `errors`: what its console and its scripts report. */
export const openPage = async (t: Pick<Teardown, 'teardown'>, browser: Browser, options: BrowserContextOptions) => {
  const context = await browser.newContext(options)
  t.teardown(() => context.close())
  context.setDefaultTimeout(longestMs)
  const page = await context.newPage()
  const errors: string[] = []
  // A busy server answers 503, which a walk repeats and the browser reports.
  page.on('console', (message) => message.text().includes('status of 503') || errors.push(message.text()))
  page.on('pageerror', (error) => errors.push(error.message))
  return { page, errors }
}

/** The steps of somebody at the pages, in English. */
export const createWalk = (page: Page, mailbox: Mailbox) => {
  const press = (name: string | RegExp) => page.getByRole('button', { name, exact: true }).click()
  const heading = (name: string) => page.getByRole('heading', { level: 1, name })
  /** Does a step again while a store or service is too busy to answer in time. */
  const submitUntil = (next: string, submit: () => Promise<void>) => submitPatiently(page, heading(next), submit)

  const walk = {
    press,
    heading,
    submitUntil,

    /** Waits for a page by its title. @throws Error that states what is there instead */
    title: (name: string) =>
      heading(name)
        .waitFor()
        .catch(async (cause) => {
          throw new Error(`${name}: ${await page.locator('main').textContent()}`, { cause })
        }),

    /** Waits until the page states this problem. */
    alert: (text: string) => page.getByRole('alert').getByText(text).waitFor(),

    /** Waits for the message to this address whose verification code the page shows. @returns its confirmation code */
    async confirmation(to: string): Promise<string> {
      const verification = await page.locator('.shown strong').textContent()
      return eventually(
        async () =>
          (await mailbox.messagesTo(to)).map(codesOf).find((codes) => codes.verification === verification)
            ?.confirmation,
        { what: `the code for ${to}` },
      )
    },

    /** Enters the code that was sent to this address, up to a page. */
    async enterCode(to: string, next: string) {
      const confirmation = await walk.confirmation(to)
      return submitUntil(next, async () => {
        await page.getByLabel('Confirmation code').fill(confirmation)
        await press('Continue')
      })
    },

    /** Presses a button that leads to a page. */
    pressUntil: (next: string, name: string | RegExp) => submitUntil(next, () => press(name)),

    /** Opens the account pages of this gateway, and submits a username with a password. */
    async fillSignIn(gateway: string, { email, password }: { email: string; password: string }) {
      await page.goto(`${gateway}/account`)
      await page.getByLabel('Email or phone number').fill(email)
      await page.getByLabel('Password', { exact: true }).fill(password)
      await press('Sign in')
    },

    /** Restores on the hosted pages of this gateway, up to the choice of a new password. */
    async restoreUpToPassword(gateway: string, email: string) {
      await page.goto(`${gateway}/restore`)
      await submitUntil('Check your email', async () => {
        await page.getByLabel('Email or phone number').fill(email)
        await press('Continue')
      })
      await walk.enterCode(email, 'Choose a new password')
    },

    /** Sets the new password of a restore, up to a page. */
    setPassword: (password: string, next: string) =>
      submitUntil(next, async () => {
        await page.getByLabel('New password').fill(password)
        await press('Set password')
      }),
  }
  return walk
}

export type Walk = ReturnType<typeof createWalk>
