const octet = '(25[0-5]|2[0-4]\\d|1\\d\\d|[1-9]?\\d)'
const ipv4 = new RegExp(`^${octet}(\\.${octet}){3}$`)

/** `1.2.3.4:5678`, or IPv6 in brackets, with or without a port (RFC 7239 §6, RFC 3986 §3.2.2). */
const withPort = /^(?:\[([^\]]*)\](?::\d{1,5})?|([\d.]+):\d{1,5})$/

/** An IPv4-mapped IPv6 address (RFC 4291 §2.5.5.2) as the URL standard serializes it. */
const mapped = /^::ffff:([\da-f]{1,4}):([\da-f]{1,4})$/

const toDotted = (high: string, low: string): string =>
  [high, low]
    .map((group) => Number.parseInt(group, 16))
    .flatMap((group) => [group >> 8, group & 0xff])
    .join('.')

/** RFC 5952: the serialization of the URL standard. */
const canonicalIpv6 = (text: string): string | undefined => {
  const address = text.includes(':') ? URL.parse(`http://[${text}]`)?.hostname.slice(1, -1) : undefined
  if (address === undefined) return undefined
  const [, high, low] = mapped.exec(address) ?? []
  return high !== undefined && low !== undefined ? toDotted(high, low) : address
}

/**
 * An IP address in its one spelling: dotted IPv4, also if it is mapped to IPv6, and IPv6 as RFC 5952 writes it. A port,
 * brackets, and a zone (RFC 4007 §11: it names an interface of the sender's machine) are cut off.
 *
 * @returns undefined if the text is no address
 */
export const canonicalAddress = (text: string): string | undefined => {
  if (ipv4.test(text)) return text
  const trimmed = text.trim()
  const [, bracketed, beforePort] = withPort.exec(trimmed) ?? []
  const [address = ''] = (bracketed ?? beforePort ?? trimmed).split('%')
  return ipv4.test(address) ? address : canonicalIpv6(address)
}
