import ipaddr from 'ipaddr.js'

/** Bits of an IPv6 address that a household or a server gets whole: who has one such network has all its addresses. */
const networkBits = 64

/** What of a client's address counts as one client: an IPv4 address, also a mapped one, or an IPv6 network. */
export const networkOf = (address: string): string => {
  // The zone says by which interface it came, in any words (RFC 4007 §11).
  const [withoutZone = ''] = address.split('%')
  const parsed = ipaddr.process(withoutZone)
  if (parsed.kind() === 'ipv4') return parsed.toString()
  return `${ipaddr.IPv6.networkAddressFromCIDR(`${parsed}/${networkBits}`)}/${networkBits}`
}
