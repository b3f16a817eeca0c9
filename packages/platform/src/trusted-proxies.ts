import { Type } from '@sinclair/typebox'
import ipaddr from 'ipaddr.js'

/** Addresses or networks whose `X-Forwarded-For` is trusted. */
export const trustedProxies = Type.String({
  format: 'networks',
  default: '',
  description: 'Addresses or CIDR networks, comma-separated, whose X-Forwarded-For is trusted. Empty: none.',
})

export const toProxyList = (value: string): string[] => value.split(',').flatMap((item) => item.trim() || [])

/** IPv4 addresses within IPv6 (RFC 4291 §2.5.5.2). A proxy list matches IPv4 clients with networks that contain them. */
const mapped = { address: ipaddr.IPv6.parse('::ffff:0:0'), bits: 96 }

const form = /^([0-9a-f:.]+)(?:\/(\d{1,3}))?$/i

const parse = (network: string) => {
  const [, address = '', prefix] = form.exec(network) ?? []
  if (!ipaddr.IPv6.isValid(address) && !ipaddr.IPv4.isValidFourPartDecimal(address)) return undefined
  const parsed = ipaddr.parse(address)
  const length = parsed.kind() === 'ipv4' ? 32 : 128
  const bits = prefix === undefined ? length : Number(prefix)
  return bits > length ? undefined : { parsed, bits }
}

/** The share of a network in the whole IPv4 or IPv6 address space, in [0, 1]; undefined if the text is no network. */
export const shareOf = (network: string): { family: 'ipv4' | 'ipv6'; share: number } | undefined => {
  const { parsed, bits } = parse(network) ?? {}
  if (!parsed || bits === undefined) return undefined
  if (parsed instanceof ipaddr.IPv4) return { family: 'ipv4', share: 2 ** -bits }
  // Unique local addresses are not reachable from the Internet (RFC 4193).
  if (parsed.range() === 'uniqueLocal' && bits >= 7) return { family: 'ipv6', share: 0 }
  if (mapped.address.match(parsed, Math.min(bits, mapped.bits))) {
    return { family: 'ipv4', share: 2 ** -Math.max(0, bits - mapped.bits) }
  }
  return { family: 'ipv6', share: 2 ** -bits }
}

/** True if the text is a comma-separated list of addresses and networks. */
export const areNetworks = (text: string): boolean => toProxyList(text).every(shareOf)
