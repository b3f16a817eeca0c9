import ipaddr from 'ipaddr.js'

/** Some addresses that count as one client, because one client can have them all. */
export interface Network {
  /** In CIDR notation, or an IPv4 address. */
  name: string
  /** How many times the allowance of one client it has. */
  clients: number
}

/**
 * Of an IPv6 address: the /64 that a household or a server gets whole, and the /48 that a site may get (RFC 6177 §2),
 * which holds 65,536 of the former. Most sites are one household; a /48 of an operator of phones has many.
 */
const ipv6Networks = [
  { bits: 64, clients: 1 },
  { bits: 48, clients: 4 },
]

/** What a client's address counts as, the narrowest first: an IPv4 address, also a mapped one, or IPv6 networks. */
export const networksOf = (address: string): [Network, ...Network[]] => {
  // The zone says by which interface it came, in any words (RFC 4007 §11).
  const [withoutZone = ''] = address.split('%')
  const parsed = ipaddr.process(withoutZone)
  if (parsed.kind() === 'ipv4') return [{ name: parsed.toString(), clients: 1 }]
  return ipv6Networks.map(({ bits, clients }) => ({
    name: `${ipaddr.IPv6.networkAddressFromCIDR(`${parsed}/${bits}`)}/${bits}`,
    clients,
  })) as [Network, ...Network[]]
}
