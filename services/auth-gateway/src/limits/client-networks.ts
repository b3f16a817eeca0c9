import { isIPv4 } from 'node:net'
import ipaddr from 'ipaddr.js'

/** Addresses that share one quota, because one client can have all of them. */
export interface Network {
  /** CIDR notation, or an IPv4 address. */
  name: string
  /** How many times one client's quota the network has. */
  clients: number
}

/**
 * IPv6: a household or a server gets a whole /64; a site may get a /48 (RFC 6177 §2), which contains 65,536 of them.
 * Most sites are one household, but a mobile operator's /48 serves many.
 */
const ipv6Networks = [
  { bits: 64, clients: 1 },
  { bits: 48, clients: 4 },
]

/** Networks that a client's address counts for, narrowest first: an IPv4 address (also a mapped one), or IPv6 networks. */
export const networksOf = (address: string): [Network, ...Network[]] => {
  if (isIPv4(address)) return [{ name: address, clients: 1 }]
  // A zone names the local interface in any characters (RFC 4007 §11), so it is cut off before parsing.
  const [withoutZone = ''] = address.split('%')
  const parsed = ipaddr.process(withoutZone)
  if (parsed.kind() === 'ipv4') return [{ name: parsed.toString(), clients: 1 }]
  return ipv6Networks.map(({ bits, clients }) => ({
    name: `${ipaddr.IPv6.networkAddressFromCIDR(`${parsed}/${bits}`)}/${bits}`,
    clients,
  })) as [Network, ...Network[]]
}
