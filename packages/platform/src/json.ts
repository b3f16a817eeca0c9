import { isUtf8 } from 'node:buffer'
import { RekeyError } from '@rekey/contracts'
import { parse } from 'lossless-json'
import secureParse from 'secure-json-parse'

/**
 * Parses a request body more strictly than JSON.parse: invalid UTF-8, a name that stands twice with different values
 * (which one a later reader takes differs: RFC 8259 §4), and `__proto__` are refused.
 *
 * @throws RekeyError invalid_request
 */
export const parseJson = (body: Buffer): unknown => {
  if (!isUtf8(body)) throw new RekeyError('invalid_request', { detail: 'The body is not valid UTF-8.' })
  const text = body.toString('utf8')
  if (text.trim() === '') throw new RekeyError('invalid_request', { detail: 'The body is empty.' })
  try {
    parse(text)
    return secureParse(text)
  } catch (cause) {
    const duplicate = /^Duplicate key '(.{1,40})'/u.exec(String((cause as Error).message))
    throw new RekeyError('invalid_request', {
      detail: duplicate ? `${duplicate[1]} stands twice in the body.` : 'The body is not valid JSON.',
      ...(duplicate && { fields: [{ field: duplicate[1] ?? '', code: 'duplicate', message: 'stands twice' }] }),
    })
  }
}
