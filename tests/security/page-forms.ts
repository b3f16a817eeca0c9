import { setTimeout as delay } from 'node:timers/promises'
import { createCustomer, type TestCustomer } from '@rekey/test-support/customers'
import { eventually } from '@rekey/test-support/eventually'
import { restore, restoreGrant, signsIn } from '@rekey/test-support/flows'
import type { Rekey } from '@rekey/test-support/rekey'
import { confirmationFor, createVisitor, type Visitor } from '@rekey/test-support/visitor'

export type Fields = Record<string, string>

/** A valid form: only the headers of the request can be wrong. */
export interface PageForm {
  /** The browser whose cookie the form belongs to. */
  browser: Visitor
  path: string
  fields: Fields
  /** True if the form had its effect. */
  hadEffect(): Promise<boolean>
  /** Heading of the page that follows. */
  nextHeading: string
}

/** Resend cooldown of the gateway: a valid resend form must not be refused for coming too early. */
export const resendSeconds = 1

/** Fills in the forms of the pages, with codes from the inbox; the gateway must run with {@link resendSeconds}. */
export const createPageForms = (rekey: Pick<Rekey, 'http' | 'inbox' | 'url' | 'postgres' | 'logOf'>) => {
  const { http, inbox } = rekey
  const newCustomer = () => createCustomer(rekey.postgres.url)
  const openBrowser = () => createVisitor(http)
  type Browser = ReturnType<typeof openBrowser>

  /** The first page with a username. */
  const startForm = async (browser: Browser, { email: username }: TestCustomer) => {
    const { action: path, fields } = browser.formOf(await browser.open('/restore'))
    return { path, fields: { ...fields, username } }
  }

  /** The form for the code, with the right code. */
  const codeForm = async (browser: Browser, { email }: TestCustomer) => {
    const page = await browser.askCode(email)
    const { action: path, fields } = browser.formOf(page, '/code')
    const filled: Fields = { ...fields, code: await confirmationFor(inbox, page, email) }
    return { path, fields: filled }
  }

  /** The form for the new password. */
  const passwordForm = async (browser: Browser, person: TestCustomer) => {
    const { action: path, fields } = browser.formOf(await browser.proveCode(inbox, person.email))
    return { path, fields: { ...fields, password: 'An-attackers-own' } }
  }

  /** The form behind the link of a notification. */
  const reportForm = async (person: TestCustomer) => {
    await restore(rekey, await restoreGrant(rekey, person), person.password.toUpperCase())
    const token = await eventually(
      async () =>
        (await inbox.messagesTo(person.email)).flatMap(({ Text }) => /\/not-me\?token=(\S+)/.exec(Text)?.[1] ?? [])[0],
    )
    return { path: '/not-me', fields: { token } }
  }

  const wasCodeSentTo = async (address: string) => (await inbox.messagesTo(address)).length > 0
  const acceptedCodes = async () =>
    (await rekey.logOf('auth-gateway')).filter(({ event }) => event === 'authn_challenge_success').length

  const everyForm = async (): Promise<PageForm[]> => {
    const [asked, resent, answered, set, reported] = await Promise.all(Array.from({ length: 5 }, newCustomer))
    if (!asked || !resent || !answered || !set || !reported) throw new Error('no customers')
    const browser = openBrowser()
    const resending = await codeForm(browser, resent)
    const passwords = await passwordForm(browser, set)
    const report = await reportForm(reported)
    await delay(resendSeconds * 1_000)
    const answering = await codeForm(browser, answered)
    const accepted = await acceptedCodes()
    return [
      {
        browser,
        ...(await startForm(browser, asked)),
        hadEffect: () => wasCodeSentTo(asked.email),
        nextHeading: 'Check your email',
      },
      {
        browser,
        ...resending,
        path: resending.path.replace('/code', '/resend'),
        hadEffect: async () => (await inbox.messagesTo(resent.email)).length > 1,
        nextHeading: 'Check your email',
      },
      {
        browser,
        ...answering,
        hadEffect: async () => (await acceptedCodes()) > accepted,
        nextHeading: 'Choose a new password',
      },
      {
        browser,
        ...passwords,
        hadEffect: () => signsIn(rekey, set, 'An-attackers-own'),
        nextHeading: 'Your password is changed',
      },
      {
        browser,
        ...report,
        hadEffect: async () => !(await signsIn(rekey, reported, reported.password.toUpperCase())),
        nextHeading: 'Your account is blocked',
      },
    ]
  }

  return { openBrowser, newCustomer, codeForm, passwordForm, everyForm }
}
