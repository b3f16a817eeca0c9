import { setTimeout as delay } from 'node:timers/promises'
import { eventually } from './eventually.ts'
import { codesOf } from './flows.ts'
import type { Answer, Http } from './http.ts'
import type { Inbox } from './inbox.ts'

const unescapeHtml = (text: string) =>
  text.replaceAll(/&#(\d+);/g, (_, code) => String.fromCodePoint(Number(code))).replaceAll('&amp;', '&')

const attribute = (tag: string, name: string) => {
  const value = new RegExp(`\\s${name}="([^"]*)"`).exec(tag)?.[1]
  return value === undefined ? undefined : unescapeHtml(value)
}

/** A form, as a browser without scripts reads it. */
export interface Form {
  action: string
  fields: Record<string, string>
}

/** The forms of a page, in order. */
export const formsOf = (page: string): Form[] =>
  [...page.matchAll(/<form ([^>]*)>(.*?)<\/form>/gs)].map(([, attributes = '', body = '']) => ({
    action: attribute(` ${attributes}`, 'action') ?? '',
    fields: Object.fromEntries(
      [...body.matchAll(/<input [^>]*>/g)].map(([tag]) => [
        attribute(tag, 'name') ?? '',
        attribute(tag, 'value') ?? '',
      ]),
    ),
  }))

export const titleOf = ({ text }: Pick<Answer, 'text'>) => unescapeHtml(/<h1>([^<]*)<\/h1>/.exec(text)?.[1] ?? '')

/** The errors that a page states; '' for none. */
export const problemOf = ({ text }: Answer) =>
  [...(/<div class="summary".*?<\/div>/s.exec(text)?.[0] ?? '').matchAll(/<li>(?:<a [^>]*>)?([^<]*)</g)]
    .map(([, problem = '']) => unescapeHtml(problem))
    .join(' ')

const longestMs = 60_000

/** True if a page says that a store or service did not answer in time. */
const isUnavailable = (answer: Answer) =>
  answer.status === 503 || /^(We cannot do this at the moment|No answer came in time)/.test(problemOf(answer))

type Headers = Record<string, string>

/** A browser without scripts: keeps cookies, follows redirects, submits the forms of its pages. */
export const createVisitor = (http: Pick<Http, 'send'>) => {
  const cookies = new Map<string, string>()
  let at = ''

  /** One request, without following a redirect. */
  const send = async (method: string, path: string, headers: Headers = {}, body?: string) => {
    at = path
    const cookie = [...cookies].map(([name, value]) => `${name}=${value}`).join('; ')
    const answer = await http.send(method, path, { ...(cookie && { cookie }), ...headers }, body)
    for (const line of answer.headers.getSetCookie()) {
      const [name = '', value = ''] = line.split(';')[0]?.split('=') ?? []
      cookies.set(name, value)
    }
    return answer
  }

  const follow = async (answer: Answer): Promise<Answer> => {
    const location = answer.headers.get('location')
    return answer.status === 303 && location !== null ? follow(await send('GET', location)) : answer
  }

  const post = async (action: string, fields: Record<string, string>, headers: Headers = {}) =>
    follow(
      await send(
        'POST',
        action,
        { 'content-type': 'application/x-www-form-urlencoded', ...headers },
        new URLSearchParams(fields).toString(),
      ),
    )

  const formOf = (page: Answer, action?: string): Form => {
    const form = formsOf(page.text).find((one) => action === undefined || one.action.endsWith(action))
    if (!form) throw new Error(`"${titleOf(page)}" has no such form`)
    return form
  }

  return {
    cookies,
    /** Path of the last page. */
    at: () => at,
    send,
    open: async (path: string, headers?: Headers) => follow(await send('GET', path, headers)),
    post,
    formOf,
    /**
     * Submits the first form of a page, or the one whose path ends so; again while the answer is that this is not
     * possible at the moment: the machine is busy with other work.
     */
    async submit(page: Answer, input: Record<string, string> = {}, action?: string) {
      const deadlineMs = performance.now() + longestMs
      let from = page
      for (;;) {
        const form = formOf(from, action)
        const answer = await post(form.action, { ...form.fields, ...input })
        if (!isUnavailable(answer) || performance.now() > deadlineMs) return answer
        await delay(1_000)
        if (formsOf(answer.text).some((one) => one.action === form.action)) from = answer
      }
    },
    /** The first two pages of the hosted restore: asks for a code. */
    async askCode(username: string) {
      return this.submit(await this.open('/restore'), { username })
    },
    /** Submits the right code: the page for the new password. */
    async proveFrom(inbox: Inbox, page: Answer, username: string) {
      return this.submit(page, { code: await confirmationFor(inbox, page, username) })
    },
    /** The first two pages with the right code: the page for the new password. */
    async proveCode(inbox: Inbox, username: string) {
      return this.proveFrom(inbox, await this.askCode(username), username)
    },
  }
}

/** The confirmation code of the message that belongs to a page. */
export const confirmationFor = (inbox: Inbox, page: Answer, to: string): Promise<string> =>
  eventually(
    async () =>
      (await inbox.messagesTo(to)).map(codesOf).find(({ verification }) => verification === verificationOf(page))
        ?.confirmation,
    { what: `a code for ${to}` },
  )

export type Visitor = ReturnType<typeof createVisitor>

/** The verification code of the page that asks for the confirmation code. */
export const verificationOf = ({ text }: Answer): string =>
  /<p class="shown">.*?<strong[^>]*>(\d{4})</.exec(text)?.[1] ?? ''

/**
 * Goes through the pages of an authorization request (A7), as far as they lead back to the client.
 *
 * @returns the URL at which the browser leaves them
 */
export const leavePages = async (
  { http, inbox }: { http: Pick<Http, 'send'>; inbox: Inbox },
  url: string,
  username: string,
): Promise<string> => {
  const visitor = createVisitor(http)
  const { pathname, search } = new URL(url)
  const page = await visitor.submit(await visitor.open(pathname + search), { username })
  const { action, fields } = visitor.formOf(page, '/code')
  const code = await confirmationFor(inbox, page, username)
  const headers = { 'content-type': 'application/x-www-form-urlencoded' }
  const answer = await visitor.send('POST', action, headers, `${new URLSearchParams({ ...fields, code })}`)
  return String(answer.headers.get('location'))
}
