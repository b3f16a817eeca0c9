/** Printable US-ASCII without space, double quote and percent sign. */
const unencoded = /^[\x21\x23\x24\x26-\x7E]*$/

const percent = (byte: number) => `%${byte.toString(16).toUpperCase().padStart(2, '0')}`

/** The header value of an attribute (NATS Protocol Binding for CloudEvents 1.0.3-wip, §3.1.3.2). */
export const encodeHeader = (value: string): string =>
  unencoded.test(value)
    ? value
    : Array.from(value.toWellFormed(), (character) =>
        unencoded.test(character) ? character : [...Buffer.from(character)].map(percent).join(''),
      ).join('')

/**
 * The attribute of a header value, also of one that is quoted, as earlier versions of the binding wrote it.
 *
 * @returns undefined if it encodes bytes that are not UTF-8
 */
export const decodeHeader = (value: string): string | undefined => {
  const quoted = /^"(.*)"$/s.exec(value)?.[1]
  const plain = quoted === undefined ? value : quoted.replaceAll(/\\(.)/gs, '$1')
  try {
    // A percent sign without two hexadecimal digits stands for itself.
    return decodeURIComponent(plain.replaceAll(/%(?![0-9A-Fa-f]{2})/g, '%25'))
  } catch {
    return undefined
  }
}

const rfc3339 = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/i
/** Postgres stores no later time, and no event of ours is older than 1970. */
const endOfTimeMs = Date.UTC(10_000, 0)

/**
 * Reads the CloudEvents attribute `time` (RFC 3339).
 *
 * @returns an invalid Date if it is malformed, or not between the years 1970 and 9999
 */
export const readEventTime = (text: string): Date => {
  const time = new Date(rfc3339.test(text) ? text : Number.NaN)
  return time.getTime() >= 0 && time.getTime() < endOfTimeMs ? time : new Date(Number.NaN)
}
