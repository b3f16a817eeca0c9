import { Type } from '@sinclair/typebox'
import ipaddr from 'ipaddr.js'

/** Addresses or networks whose `X-Forwarded-For` is trusted. */
export const trustedProxies = Type.String({
  format: 'networks',
  default: '',
  description: 'Addresses or CIDR networks, comma-separated, whose X-Forwarded-For is trusted. Empty: none.',
})

export const toProxyList = (value: string): string[] => value.split(',').flatMap((item) => item.trim() || [])

/** Bits of an IPv4-mapped prefix (RFC 4291 §2.5.5.2). */
const mappedBits = 96

/** The share of a network in the whole IPv4 or IPv6 address space, in [0, 1]; undefined if the text is no network. */
export const shareOf = (network: string): { family: 'ipv4' | 'ipv6'; share: number } | undefined => {
  const [address = '', prefix] = network.split('/')
  if (!ipaddr.isValid(address)) return undefined
  const parsed = ipaddr.parse(address)
  const length = parsed.kind() === 'ipv4' ? 32 : 128
  const bits = prefix === undefined ? length : Number(prefix)
  if (bits > length) return undefined
  const isMapped = parsed instanceof ipaddr.IPv6 && parsed.isIPv4MappedAddress() && bits >= mappedBits
  // Unique local addresses are not reachable from the Internet (RFC 4193).
  if (parsed.range() === 'uniqueLocal' && bits >= 7) return { family: 'ipv6', share: 0 }
  if (isMapped) return { family: 'ipv4', share: 2 ** -(bits - mappedBits) }
  return { family: parsed.kind(), share: 2 ** -bits }
}

/** True if the text is a comma-separated list of addresses and networks. */
export const areNetworks = (text: string): boolean => toProxyList(text).every(shareOf)
