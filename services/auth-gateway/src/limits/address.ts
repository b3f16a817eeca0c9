import ipaddr from 'ipaddr.js'

/** Bits of an IPv6 address that a household or a server gets whole: who has one such network has all its addresses. */
const networkBits = 64

/** What of a client's address counts as one client: an IPv4 address, also a mapped one, or an IPv6 network. */
export const networkOf = (address: string): string => {
  const parsed = ipaddr.process(address)
  if (parsed.kind() === 'ipv4') return parsed.toString()
  const [withoutZone] = parsed.toString().split('%')
  return `${ipaddr.IPv6.networkAddressFromCIDR(`${withoutZone}/${networkBits}`)}/${networkBits}`
}
