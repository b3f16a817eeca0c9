import { domainToASCII } from 'node:url'

/** Why no mail server takes an address. */
export interface MailboxError {
  code: 'invalid_local_part' | 'invalid_domain' | 'address_too_long' | 'smtputf8_required'
  message: string
}

/** Octets (RFC 5321 §4.5.3.1.1; §4.5.3.1.3 less the angle brackets; RFC 1035 §2.3.4). */
const longest = { localPart: 64, address: 254, domain: 253 }

/** RFC 5322 §3.2.3 atext, and RFC 6531 §3.3 for what is not ASCII. No quoted strings: hardly a host gives them out. */
const atom = "[A-Za-z0-9!#$%&'*+/=?^_`{|}~\\-\\u{80}-\\u{10FFFF}]+"
const dotAtom = new RegExp(`^${atom}(\\.${atom})*$`, 'u')
/** RFC 5890 §2.3.1: letters, digits and hyphens, the latter not at an end. */
const label = '[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?'
const domainName = new RegExp(`^(${label}\\.)+${label}$`)
const ascii = /^[\x20-\x7E]*$/

const octets = (text: string) => Buffer.byteLength(text)

/** @returns the domain in A-labels (RFC 5890 §2.3.2.1), in lower case; undefined if it is no host name (RFC 3696 §2) */
const toAsciiDomain = (domain: string): string | undefined => {
  // domainToASCII also decodes percent signs and reads numbers as IPv4 addresses: what is ASCII does not need it.
  const name = ascii.test(domain) ? domain : domain.includes('%') ? '' : domainToASCII(domain)
  const isHost = name.length <= longest.domain && domainName.test(name) && !/\.[0-9]+$/.test(name)
  return isHost ? name.toLowerCase() : undefined
}

/** An address as SMTP sends it. */
export interface Mailbox {
  /** The local part, and the domain in A-labels. */
  address: string
  /** True if the local part is not ASCII: only a server that offers SMTPUTF8 takes it (RFC 6531 §3.2). */
  needsSmtpUtf8: boolean
}

/** Reads an e-mail address that matches the `Username` schema as a mailbox of RFC 5321 §4.1.2. @returns why it is none */
export const readMailbox = (address: string): { mailbox: Mailbox } | { error: MailboxError } => {
  const refuse = (code: MailboxError['code'], message: string) => ({ error: { code, message } })
  const at = address.lastIndexOf('@')
  const localPart = address.slice(0, at)
  const domain = toAsciiDomain(address.slice(at + 1))
  if (octets(localPart) > longest.localPart)
    return refuse('invalid_local_part', 'has a part before the @ of more than 64 bytes (RFC 5321 §4.5.3.1.1)')
  if (!dotAtom.test(localPart))
    return refuse('invalid_local_part', 'has a part before the @ that no mail server takes (RFC 5322 §3.2.3)')
  if (domain === undefined) return refuse('invalid_domain', 'has a domain that is no host name (RFC 5890 §2.3.1)')
  const full = `${localPart}@${domain}`
  if (octets(full) > longest.address)
    return refuse('address_too_long', 'has more than 254 bytes, its domain in A-labels (RFC 5321 §4.5.3.1.3)')
  return { mailbox: { address: full, needsSmtpUtf8: !ascii.test(localPart) } }
}
