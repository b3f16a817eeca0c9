import { RekeyError } from '@rekey/contracts'
import { refuseDuplicate } from './json.ts'

/**
 * Parses `application/x-www-form-urlencoded` text.
 *
 * @throws RekeyError invalid_request for a broken percent escape, one that is not UTF-8, or a name that is given more than once
 */
export const parseUrlEncoded = (text: string, part: 'body' | 'query'): Record<string, string> => {
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
  // fromEntries makes own properties of all names, `__proto__` too: none reaches a prototype.
  return Object.fromEntries(fields)
}

/** Refuses a query that Fastify's lenient parser would guess at. @throws RekeyError invalid_request */
export const checkQuery = (url: string): void => {
  const query = url.indexOf('?')
  if (query >= 0) parseUrlEncoded(url.slice(query + 1), 'query')
}
