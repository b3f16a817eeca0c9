import { RekeyError } from '@rekey/contracts'
import type { Broker } from '@rekey/platform/broker'
import type { Now } from '@rekey/platform/clock'
import type { Logger } from '@rekey/platform/logger'
import { loadScript, type Redis } from '@rekey/platform/redis'
import type { Limits } from '../limits/limits.ts'
import { maxFailedAttemptsPerChallenge } from '../limits/lockout.ts'
import type { Spent } from '../limits/spending.ts'
import {
  type Caller,
  type ChallengeRecords,
  type ChallengeReference,
  challengeKey,
  keysOf,
  type OpenChallenge,
  onLockout,
  requesterOf,
} from './challenge.ts'
import type { CodeDelivery } from './code-delivery.ts'
import { refuseLockedOut, suppressedBy, tooManyRequests } from './refusals.ts'
import { maxSendsPerChallenge } from './resend-cooldown.ts'

interface Deps {
  redis: Redis
  broker: Broker
  limits: Limits
  delivery: CodeDelivery
  records: ChallengeRecords
  cooldownMs: number
  now: Now
  log: Logger
}

type Sent = [result: 'ok' | 'suppressed', sendNumber: number, record: string[], before: (string | null)[]]
type Offered = [result: 'ok', waitMs: 0, record: string[]]
type Refused = [
  result: 'missing' | 'locked' | 'unknown_device' | 'cooldown' | 'exhausted' | 'locked_out',
  waitMs?: number,
]

/** Proofs that a caller of `send` has. */
interface Proven {
  /** True if it is the code of a second proof. */
  isSecond?: boolean
}

const isSent = (sending: Sent | Refused): sending is Sent => sending[0] === 'ok' || sending[0] === 'suppressed'

/** Sends a new code of a challenge. */
export const createSend = ({ redis, broker, limits, delivery, records, cooldownMs, now, log }: Deps) => {
  const sendScript = loadScript(redis, new URL('./send.lua', import.meta.url))
  const offerScript = loadScript(redis, new URL('./offer.lua', import.meta.url))
  const undoScript = loadScript(redis, new URL('./undo-send.lua', import.meta.url))

  const refuse = (name: ChallengeReference, [result, waitMs = 0]: Refused, address: string): RekeyError => {
    switch (result) {
      case 'missing':
        return new RekeyError('invalid_grant')
      case 'locked':
        return new RekeyError('access_denied')
      case 'unknown_device':
        return new RekeyError('invalid_request', {
          detail: 'challenge_type is not one of the devices on offer.',
          fields: [{ field: 'challenge_type', code: 'not_allowed', message: 'is not one of the devices on offer' }],
        })
      case 'cooldown':
        return tooManyRequests(waitMs, 1, 'resend')
      case 'exhausted':
        return tooManyRequests(waitMs, maxSendsPerChallenge, 'sends')
      case 'locked_out':
        return refuseLockedOut(log, name, waitMs, { clientId: name.clientId, address })
    }
  }

  const replaceAndSend = async (
    name: ChallengeReference,
    state: string,
    device: string,
    { isSuppressed, knownNetwork }: Pick<Spent, 'isSuppressed' | 'knownNetwork'>,
    caller: Caller,
    { isSecond = false }: Proven,
  ): Promise<OpenChallenge> => {
    const { challengeId, account, purpose, provenAt } = name
    const code = delivery.newCode(challengeId)
    const { mac, verificationCode, expiresAt } = code
    const at = now().getTime()
    const sending = (await sendScript(keysOf(name), [
      at,
      state,
      device,
      cooldownMs,
      maxSendsPerChallenge,
      maxFailedAttemptsPerChallenge,
      mac,
      verificationCode,
      expiresAt.getTime(),
      onLockout({ ...name, isSecond }),
    ])) as Sent | Refused
    if (sending[0] === 'locked_out' || sending[0] === 'suppressed') limits.countLockedOut('code')
    if (!isSent(sending)) throw refuse(name, sending, caller.address)
    const [result, sendNumber, flat, before] = sending
    const challenge = records.read(name, flat)
    const suppressed = suppressedBy(result, isSuppressed)
    try {
      await delivery.publishCode(name, challenge, code, { sendNumber, suppressed, knownNetwork }, caller)
    } catch (error) {
      await undoScript([challengeKey(name)], [at, mac, ...before.map((value) => value ?? '')]).catch(() => {})
      throw error
    }
    const { clientId } = challenge
    return { challengeId, account, purpose, clientId, provenAt, device, verificationCode, state, expiresAt }
  }

  return {
    /**
     * Checks that a method is on offer that no message is sent for: an authenticator app, a recovery code, a passkey.
     *
     * @returns the customer's code
     * @throws RekeyError as `send`, but for the waits between codes
     */
    async assertOffered(name: ChallengeReference, state: string, type: string, caller: Caller): Promise<string> {
      const args = [now().getTime(), state, type, maxFailedAttemptsPerChallenge]
      const offered = (await offerScript(keysOf(name), args)) as Offered | Refused
      if (offered[0] !== 'ok') throw refuse(name, offered as Refused, caller.address)
      return records.read(name, offered[2] as string[]).customer
    },

    /**
     * Sends a new code, which replaces the old one; failed attempts are kept.
     *
     * @throws RekeyError invalid_grant (no such challenge, or a changed record), access_denied (locked by failed attempts), invalid_request
     * (not one of its devices), too_many_requests (cooldown, too many sends, rate limit, lockout), unavailable
     */
    async send(
      name: ChallengeReference,
      state: string,
      device: string,
      caller: Caller,
      proven: Proven = {},
    ): Promise<OpenChallenge> {
      // Throws before anything is spent: without the broker the code could not be published.
      broker.connection()
      const { isSecond = false } = proven
      const about = { purpose: name.purpose, isFirst: false, isSecond }
      const spent = await limits.spendCode(about, requesterOf(caller, name))
      return spent.refundOnFailure(() => replaceAndSend(name, state, device, spent, caller, proven))
    },
  }
}
