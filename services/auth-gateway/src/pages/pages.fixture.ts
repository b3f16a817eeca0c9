import type { Answer, Http } from '@rekey/test-support/http'

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

export const titleOf = ({ text }: Answer) => unescapeHtml(/<h1>([^<]*)<\/h1>/.exec(text)?.[1] ?? '')

/** The error that a page states; '' for none. */
export const problemOf = ({ text }: Answer) => unescapeHtml(/role="alert">([^<]*)</.exec(text)?.[1] ?? '')

/** A browser without scripts: submits the forms of a page with the given input. */
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
    /** Submits the first form of a page, or the one with this action. */
    submit(page: Answer, input: Record<string, string> = {}, action?: string) {
      const form = formsOf(page.text).find((one) => action === undefined || one.action === action)
      if (!form) throw new Error(`"${titleOf(page)}" has no such form`)
      return post(form.action, { ...form.fields, ...input })
    },
  }
}

export type Visitor = ReturnType<typeof createVisitor>
