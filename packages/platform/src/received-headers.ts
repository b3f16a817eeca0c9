import { type Match, MsgHdrsImpl } from 'nats'

/** A field name of RFC 822 §3.1.2. */
const fieldName = /^[\x21-\x39\x3b-\x7e]+$/

class ReceivedHeaders extends MsgHdrsImpl {
  override get(name: string, match?: Match): string {
    return match === undefined ? (this.headers.get(name)?.[0] ?? '') : super.get(name, match)
  }
}

const libraryDecode = MsgHdrsImpl.decode

/** A header with a malformed name is left out: the library would throw at each delivery of the message. */
const decode = (bytes: Uint8Array): MsgHdrsImpl => {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8')
  const [version, ...lines] = text.split('\r\n')
  // The first line of the server's own messages has a status besides.
  if (version !== 'NATS/1.0') return libraryDecode(bytes)
  const received = new ReceivedHeaders()
  for (const line of lines) {
    const colon = line.indexOf(':')
    const name = line.slice(0, Math.max(0, colon))
    if (!fieldName.test(name)) continue
    const value = line.slice(colon + 1).trim()
    const values = received.headers.get(name)
    if (values) values.push(value)
    else received.headers.set(name, [value])
  }
  return received
}

/**
 * Makes the library read headers of messages with the function above. Its own (nats 2.29.3) makes an array of the
 * characters of each name, and arrays of all names at each `get`: a fifth of the password-service's garbage.
 */
export const decodeHeadersOnce = (): void => {
  MsgHdrsImpl.decode = decode
}
