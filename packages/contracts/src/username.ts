import { readUsername } from './reader.ts'

export interface Address {
  kind: 'email' | 'phone'
  /** Normalised: two spellings of one address are equal. */
  value: string
}

const notInAddress = '\\s@\\p{C}"<>(),;:\\\\'
const email = new RegExp(`^[^${notInAddress}]+@[^.${notInAddress}]+(\\.[^.${notInAddress}]+)+$`, 'u')

/**
 * The format `idn-email` (RFC 6531): true for an address in its one spelling. No part of the pattern can match in two
 * ways and the length is checked first, so that no input makes the match slow (ReDoS).
 */
export const isEmail = (text: string): boolean => text.length <= 2 * 254 && email.test(text)

/** Reads a username that matches the `Username` schema. A phone number has no `@`; an e-mail address may begin with `+`. */
export const parseUsername = (username: string): Address => {
  const value = readUsername(username)
  return { kind: value.includes('@') ? 'email' : 'phone', value }
}

/**
 * `b*1@gmail.com`, `+44*******01`: enough for the owner to recognise it. The number of stars does not depend on the
 * length.
 */
export const maskAddress = ({ kind, value }: Address): string => {
  if (kind === 'phone') return `${value.slice(0, 3)}*******${value.slice(-2)}`
  const at = value.lastIndexOf('@')
  const local = Array.from(value.slice(0, at))
  return `${local[0]}*${local.length > 1 ? local.at(-1) : ''}${value.slice(at)}`
}

/** Name of a device in the published contract: `oob:email:b*1@gmail.com`. */
export const challengeType = (address: Address): string =>
  `oob:${address.kind === 'email' ? 'email' : 'sms'}:${maskAddress(address)}`
