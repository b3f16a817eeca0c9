import { isUtf8 } from 'node:buffer'
import { RekeyError } from '@rekey/contracts'
import { visit } from 'jsonc-parser'
import secureParse from 'secure-json-parse'

/** @throws RekeyError invalid_request */
export const refuseDuplicate = (field: string): never => {
  throw new RekeyError('invalid_request', {
    detail: `${field.slice(0, 40)} is given more than once.`,
    fields: [{ field: field.slice(0, 40), code: 'duplicate', message: 'is given more than once' }],
  })
}

/** True if a name may be given once only; `depth`: 1 for the body's own names. */
type IsOnce = (name: string, depth: number) => boolean

/** @throws RekeyError invalid_request for a duplicate name in one object: parsers differ in which one they use (RFC 8259 §4) */
const refuseDuplicates = (text: string, isOnce: IsOnce): void => {
  const open: Set<string>[] = []
  visit(text, {
    onObjectBegin: () => void open.push(new Set()),
    onObjectEnd: () => void open.pop(),
    onObjectProperty(name) {
      if (open.at(-1)?.has(name) && isOnce(name, open.length)) refuseDuplicate(name)
      open.at(-1)?.add(name)
    },
  })
}

/** Names of all objects in a parsed value. */
const countNames = (value: unknown): number => {
  if (typeof value !== 'object' || value === null) return 0
  const values = Object.values(value)
  let count = Array.isArray(value) ? 0 : values.length
  for (const one of values) count += countNames(one)
  return count
}

/** A quote and a colon before the first character of a value: each name ends so, and the address in `"::1"` does not. */
const nameEnd = /"\s*:(?=\s*["{[\dtfn-])/g

/**
 * True if no object of the text has a duplicate name, which leaves fewer names in the parsed value. A text in quotes may
 * look like a name: then the answer is false and `refuseDuplicates` decides, which takes ten times as long.
 */
const hasNoDuplicates = (text: string, value: unknown) => (text.match(nameEnd)?.length ?? 0) === countNames(value)

/**
 * Parses a request body more strictly than JSON.parse: refuses invalid UTF-8, duplicate names and `__proto__`.
 *
 * @param isOnce names that are refused if they are duplicate; all by default
 * @throws RekeyError invalid_request
 */
export const parseJson = (body: Buffer, isOnce: IsOnce = () => true): unknown => {
  if (!isUtf8(body)) throw new RekeyError('invalid_request', { detail: 'The body is not valid UTF-8.' })
  const text = body.toString('utf8')
  if (text.trim() === '') throw new RekeyError('invalid_request', { detail: 'The body is empty.' })
  try {
    const value: unknown = secureParse(text)
    if (!hasNoDuplicates(text, value)) refuseDuplicates(text, isOnce)
    return value
  } catch (cause) {
    if (cause instanceof RekeyError) throw cause
    const forbidden = /forbidden prototype/.test(String(cause))
    const detail = forbidden ? 'The body has a name that is not allowed.' : 'The body is not valid JSON.'
    throw new RekeyError('invalid_request', { detail })
  }
}
