import { isUtf8 } from 'node:buffer'
import { RekeyError } from '@rekey/contracts'
import { refuseDuplicate } from './json.ts'
import type { Server } from './server.ts'

/** @throws RekeyError invalid_request for a broken percent escape, one that is not UTF-8, or a name that stands twice */
const parse = (text: string, part: string): Record<string, string> => {
  try {
    decodeURIComponent(text)
  } catch {
    throw new RekeyError('invalid_request', { detail: `The ${part} is not properly encoded.` })
  }
  const fields = new Map<string, string>()
  for (const [name, value] of new URLSearchParams(text)) {
    if (fields.has(name)) refuseDuplicate(name)
    fields.set(name, value)
  }
  // Own properties, whatever their names: nothing reaches a prototype.
  return Object.fromEntries(fields)
}

/** Parses an `application/x-www-form-urlencoded` body. @throws RekeyError invalid_request */
const parseForm = (body: Buffer): Record<string, string> => {
  if (!isUtf8(body)) throw new RekeyError('invalid_request', { detail: 'The body is not valid UTF-8.' })
  return parse(body.toString('utf8'), 'body')
}

/** Lets the routes of a scope take forms: the OAuth endpoints beside JSON (RFC 6749), pages. */
export const acceptForms = (scope: Server): void => {
  scope.addContentTypeParser(
    'application/x-www-form-urlencoded',
    { parseAs: 'buffer' },
    async (_request: unknown, body: Buffer) => parseForm(body),
  )
}

/** Fastify's own query parser is lenient; this refuses what it would guess at. @throws RekeyError invalid_request */
export const checkQuery = (url: string): void => {
  const query = url.indexOf('?')
  if (query >= 0) parse(url.slice(query + 1), 'query')
}
