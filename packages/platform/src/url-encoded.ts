import { RekeyError } from '@rekey/contracts'
import { refuseDuplicate } from './json.ts'

export interface Reading {
  /** True for a name that may be given once only; of any other the first value counts. All, by default. */
  isOnce?: (name: string) => boolean
  /** True: a name without a value is omitted (RFC 6749 §3.2). */
  omitsEmpty?: boolean
}

/**
 * Parses `application/x-www-form-urlencoded` text.
 *
 * @throws RekeyError invalid_request for a broken percent escape, one that is not UTF-8, or a name that is given more than once
 */
export const parseUrlEncoded = (
  text: string,
  part: 'body' | 'query',
  { isOnce = () => true, omitsEmpty = false }: Reading = {},
): Record<string, string> => {
  try {
    decodeURIComponent(text)
  } catch {
    throw new RekeyError('invalid_request', { detail: `The ${part} is not properly encoded.` })
  }
  const fields = new Map<string, string>()
  for (const [name, value] of new URLSearchParams(text)) {
    if (omitsEmpty && value === '') continue
    if (!fields.has(name)) fields.set(name, value)
    else if (isOnce(name)) refuseDuplicate(name)
  }
  // fromEntries makes own properties of all names, `__proto__` too: none reaches a prototype.
  return Object.fromEntries(fields)
}

/** Refuses a query that Fastify's lenient parser would guess at. @throws RekeyError invalid_request */
export const checkQuery = (url: string, reading?: Reading): void => {
  const query = url.indexOf('?')
  if (query >= 0) parseUrlEncoded(url.slice(query + 1), 'query', reading)
}
