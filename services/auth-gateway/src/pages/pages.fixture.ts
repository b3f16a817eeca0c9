import type { Answer, Http } from '@rekey/test-support/http'

const plain = (text: string) =>
  text.replaceAll(/&#(\d+);/g, (_, code) => String.fromCodePoint(Number(code))).replaceAll('&amp;', '&')

const attribute = (tag: string, name: string) => {
  const value = new RegExp(`\\s${name}="([^"]*)"`).exec(tag)?.[1]
  return value === undefined ? undefined : plain(value)
}

/** A form as a browser without scripts sees it. */
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

export const titleOf = ({ text }: Answer) => plain(/<h1>([^<]*)<\/h1>/.exec(text)?.[1] ?? '')

/** What a page complains of, if it does. */
export const problemOf = ({ text }: Answer) => plain(/role="alert">([^<]*)</.exec(text)?.[1] ?? '')

/** Somebody with a browser that runs no scripts: sends forms as they stand, with what is entered. */
export const createVisitor = (http: Http) => {
  const post = (action: string, fields: Record<string, string>, headers: Record<string, string> = {}) =>
    http.send(
      'POST',
      action,
      { 'content-type': 'application/x-www-form-urlencoded', ...headers },
      new URLSearchParams(fields).toString(),
    )
  return {
    open: (path: string) => http.get(path),
    post,
    /** Sends the first form of a page, or the one with this action. */
    submit(page: Answer, entered: Record<string, string> = {}, action?: string) {
      const form = formsOf(page.text).find((one) => action === undefined || one.action === action)
      if (!form) throw new Error(`no such form in "${titleOf(page)}"`)
      return post(form.action, { ...form.fields, ...entered })
    },
  }
}

export type Visitor = ReturnType<typeof createVisitor>
