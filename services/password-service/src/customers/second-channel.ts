import { type Address, RekeyError } from '@rekey/contracts'

/** How a customer's present password came, as far as it is known. */
export interface PasswordOrigin {
  /** End of the last recovery hold, which may be over. */
  holdUntil: Date | null
  /** The channel of the password that began the hold: of its restore's code, or of the temporary password's message. */
  passwordChannel: Address['kind'] | null
}

/** The channels of this installation. */
interface Channels {
  /** False if no message reaches a phone number. */
  smsCodes: boolean
}

/** The addresses of another channel than this one; all of them if the customer has no other channel. */
const onOtherChannel = (
  addresses: readonly Address[],
  channel: Address['kind'] | null | undefined,
  { smsCodes }: Channels,
): Address[] => {
  const others = addresses.filter(({ kind }) => kind !== channel && (smsCodes || kind !== 'phone'))
  return others.length > 0 ? others : [...addresses]
}

/**
 * The addresses that may receive the code of a sign-in (S44). While a recovery hold lasts, the channel that the password
 * came by does not count as a second proof: whoever reads that mailbox, or has that phone number, has the password too
 * (RTS 2018/389 art. 9; SP 800-63B-4 §4.2).
 */
export const signInAddresses = (
  addresses: readonly Address[],
  { holdUntil, passwordChannel }: PasswordOrigin,
  now: Date,
  channels: Channels,
): Address[] =>
  holdUntil && holdUntil > now && passwordChannel
    ? onOtherChannel(addresses, passwordChannel, channels)
    : [...addresses]

/**
 * Picks the address that receives a temporary password: of another channel than the code that asked for it, if there is
 * one (S44); by e-mail rather than by SMS.
 *
 * @param addresses confirmed ones: e-mail before phone, the oldest first
 * @param codeChannel the channel of the code; none if the back office set the password
 * @throws RekeyError invalid_request: the customer has no confirmed address
 */
export const temporaryPasswordAddress = (
  addresses: Address[],
  codeChannel: Address['kind'] | null | undefined,
  channels: Channels,
): Address => {
  const [to] = onOtherChannel(addresses, codeChannel, channels)
  if (!to) throw new RekeyError('invalid_request', { detail: 'The customer has no confirmed address any more.' })
  return to
}
