import {
  type Address,
  formatTime,
  maskAddress,
  RekeyError,
  type Verification,
  type VerificationChannel,
} from '@rekey/contracts'
import { channelOf } from '../notifications/recipient.ts'
import type { Methods } from './verifications.store.ts'

/** A way to verify a customer. */
export interface Method {
  channel: VerificationChannel
  /** Undefined for an authenticator app. */
  to: Address | undefined
}

/**
 * The ways to verify a customer, the usual one first: one address of each kind, then the authenticator app. While a
 * recovery hold lasts, the channel that the password came by is none of them: whoever restored the password by a stolen
 * mailbox would end the hold by it (S44, RTS 2018/389 art. 9).
 */
export const offeredMethods = (
  { addresses, heldBy, hasTotp }: Methods,
  { smsCodes }: { smsCodes: boolean },
): Method[] => {
  const sent = (['email', 'phone'] as const).flatMap((kind): Method[] => {
    const to = addresses.find((address) => address.kind === kind)
    if (!to || kind === heldBy || (kind === 'phone' && !smsCodes)) return []
    return [{ channel: channelOf(kind), to }]
  })
  return [...sent, ...(hasTotp ? [{ channel: 'otp' as const, to: undefined }] : [])]
}

/** Methods as they are answered, with until when the caller's verification by each counts. */
export const shownMethods = (methods: Method[], verified: Map<VerificationChannel, Date>): Verification['channels'] =>
  methods.map(({ channel, to }) => {
    const until = verified.get(channel)
    return { channel, ...(to && { to: maskAddress(to) }), ...(until && { verifiedUntil: formatTime(until) }) }
  })

/** @param channel the first one by default @throws RekeyError invalid_request if the customer lacks it */
export const chooseMethod = (methods: Method[], channel: VerificationChannel | undefined): Method => {
  const method = channel === undefined ? methods[0] : methods.find((offered) => offered.channel === channel)
  if (method) return method
  const message =
    methods.length === 0
      ? 'the customer cannot be verified now: state a reason for the act, and a second person must approve it'
      : `the customer can be verified by: ${methods.map((offered) => offered.channel).join(', ')}`
  const fields = [{ field: 'channel', code: 'not_possible', message }]
  throw new RekeyError('invalid_request', { detail: `channel: ${message}.`, fields })
}
