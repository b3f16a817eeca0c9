export interface Address {
  kind: 'email' | 'phone'
  /** Normalised: the same person's address always reads the same. */
  value: string
}

/**
 * Normalises a username that has passed the `Username` schema. E-mail addresses are compared without case: no mail
 * host of note tells `A@x` from `a@x`, and a person on a phone types a capital first letter.
 */
export const parseUsername = (username: string): Address =>
  username.startsWith('+')
    ? { kind: 'phone', value: username }
    : { kind: 'email', value: username.normalize('NFC').toLowerCase() }

/**
 * `b*1@gmail.com`, `+44*******01`: enough for its owner to know it again. The number of stars says nothing of the
 * length.
 */
export const maskAddress = ({ kind, value }: Address): string => {
  if (kind === 'phone') return `${value.slice(0, 3)}*******${value.slice(-2)}`
  const at = value.lastIndexOf('@')
  const local = Array.from(value.slice(0, at))
  return `${local[0]}*${local.length > 1 ? local.at(-1) : ''}${value.slice(at)}`
}

/** How the published contract names a device: `oob:email:b*1@gmail.com`. */
export const challengeType = (address: Address): string =>
  `oob:${address.kind === 'email' ? 'email' : 'sms'}:${maskAddress(address)}`
