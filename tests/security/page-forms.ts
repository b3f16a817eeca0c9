import { setTimeout as delay } from 'node:timers/promises'
import { hashForLog } from '@rekey/platform/logger'
import { createCustomer, type TestCustomer } from '@rekey/test-support/customers'
import { eventually } from '@rekey/test-support/eventually'
import { claimsOf, codesOf, reportTokenOf, restore, restoreGrant, signsIn } from '@rekey/test-support/flows'
import type { Answer } from '@rekey/test-support/http'
import type { Rekey } from '@rekey/test-support/rekey'

export type Fields = Record<string, string>

/** A valid form: only the headers of the request can be wrong. */
export interface PageForm {
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

  const post = (path: string, fields: Fields, headers: Fields = {}) =>
    http.send(
      'POST',
      path,
      { 'content-type': 'application/x-www-form-urlencoded', ...headers },
      `${new URLSearchParams(fields)}`,
    )
  const hiddenOf = ({ text }: Answer, name: string) =>
    new RegExp(`name="${name}" value="([^"]*)"`).exec(text)?.[1] ?? ''
  const titleOf = ({ text }: Answer) => /<h1>([^<]*)</.exec(text)?.[1] ?? ''

  /** The form for the code, with the right code. */
  const codeForm = async ({ email: username }: TestCustomer) => {
    const page = await post('/restore/begin', { username })
    const fields = { token: hiddenOf(page, 'token'), username, verification: hiddenOf(page, 'verification') }
    const code = await eventually(
      async () =>
        (await inbox.messagesTo(username)).map(codesOf).find(({ verification }) => verification === fields.verification)
          ?.confirmation,
    )
    return { ...fields, code }
  }

  /** The form for the new password. */
  const passwordForm = async (person: TestCustomer) => {
    const page = await post('/restore/answer', await codeForm(person))
    return {
      token: hiddenOf(page, 'token'),
      username: person.email,
      password: 'An-attackers-own',
      repeated: 'An-attackers-own',
    }
  }

  /** The form behind the link of a notification. */
  const reportForm = async (person: TestCustomer) => {
    await restore(rekey, await restoreGrant(rekey, person), person.password.toUpperCase())
    const token = await eventually(
      async () => (await inbox.messagesTo(person.email)).flatMap((message) => reportTokenOf(message) ?? [])[0],
    )
    return { token }
  }

  const wasCodeSentTo = async (address: string) => (await inbox.messagesTo(address)).length > 0
  /** Reads the log: the answer would show it too, but the sender of a forged form does not get the answer. */
  const isCodeAccepted = async (token: string) => {
    const challenge = hashForLog(String(claimsOf(token).sub))
    const lines = await rekey.logOf('auth-gateway')
    return lines.some((line) => line.event === 'authn_challenge_success' && line.challenge === challenge)
  }

  const everyForm = async (): Promise<PageForm[]> => {
    const [asked, resent, answered, set, reported] = await Promise.all(Array.from({ length: 5 }, newCustomer))
    if (!asked || !resent || !answered || !set || !reported) throw new Error('no customers')
    const resending = await codeForm(resent)
    await delay(resendSeconds * 1_000)
    const answering = await codeForm(answered)
    return [
      {
        path: '/restore/begin',
        fields: { username: asked.email },
        hadEffect: () => wasCodeSentTo(asked.email),
        nextHeading: 'Enter the code',
      },
      {
        path: '/restore/resend',
        fields: resending,
        hadEffect: async () => (await inbox.messagesTo(resent.email)).length > 1,
        nextHeading: 'Enter the code',
      },
      {
        path: '/restore/answer',
        fields: answering,
        hadEffect: () => isCodeAccepted(answering.token),
        nextHeading: 'Choose a new password',
      },
      {
        path: '/restore/finish',
        fields: await passwordForm(set),
        hadEffect: () => signsIn(rekey, set, 'An-attackers-own'),
        nextHeading: 'You have a new password',
      },
      {
        path: '/not-me',
        fields: await reportForm(reported),
        hadEffect: async () => !(await signsIn(rekey, reported, reported.password.toUpperCase())),
        nextHeading: 'Your account is blocked',
      },
    ]
  }

  return { post, hiddenOf, titleOf, newCustomer, codeForm, everyForm }
}
