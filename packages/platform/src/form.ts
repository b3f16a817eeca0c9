import { isUtf8 } from 'node:buffer'
import { RekeyError, restorePlus } from '@rekey/contracts'
import { parseJson } from './json.ts'
import type { Server } from './server.ts'
import { parseUrlEncoded, type Reading } from './url-encoded.ts'

/** Parses the body of a form. @throws RekeyError invalid_request */
export const parseForm = (body: Buffer, reading?: Reading): Record<string, string> => {
  if (!isUtf8(body)) throw new RekeyError('invalid_request', { detail: 'The body is not valid UTF-8.' })
  return parseUrlEncoded(body.toString('utf8'), 'body', reading)
}

interface FormOptions {
  /** Fields in which programs leave a `+` unencoded. Browsers encode it: in a page's form a space is a space. */
  restorePlusIn?: readonly string[]
}

/** Restores the `+` that became a space, in these fields. */
export const restorePlusIn = (fields: Record<string, string>, names: readonly string[]): Record<string, string> => {
  for (const name of names) if (fields[name] !== undefined) fields[name] = restorePlus(fields[name])
  return fields
}

/** Accepts `application/x-www-form-urlencoded` bodies on a scope's routes. For OAuth endpoints: `acceptOAuthParameters`. */
export const acceptForms = (scope: Server, { restorePlusIn: names = [] }: FormOptions = {}): void => {
  scope.addContentTypeParser(
    'application/x-www-form-urlencoded',
    { parseAs: 'buffer' },
    async (_request: unknown, body: Buffer) => restorePlusIn(parseForm(body), names),
  )
}

const booleans: Record<string, boolean> = { true: true, 1: true, false: false, 0: false }

/**
 * Accepts JSON that is declared as a form, and forms. `curl --data` declares any body as a form, and the examples of the
 * published back-office contract name no content type. Only for routes with a bearer token: a page of another site can
 * send such a body without a CORS preflight, but no token.
 *
 * @param booleanFields fields that are true or false; a form has them as text
 */
export const acceptCurlBodies = (scope: Server, booleanFields: readonly string[]): void => {
  scope.addContentTypeParser(
    'application/x-www-form-urlencoded',
    { parseAs: 'buffer' },
    async (_request: unknown, body: Buffer) => {
      if (body.length === 0) return undefined
      if (/^\s*[{[]/.test(body.toString('latin1'))) return parseJson(body)
      const fields = parseForm(body)
      const read = booleanFields.map((name) => [name, booleans[fields[name] ?? ''] ?? fields[name]])
      return { ...fields, ...Object.fromEntries(read.filter(([, value]) => value !== undefined)) }
    },
  )
}
