import {
  ChallengeFailed,
  ChallengeLocked,
  ChallengeVerified,
  lockoutAttempts,
  type Purpose,
  RekeyError,
} from '@rekey/contracts'
import type { BackgroundPublisher } from '@rekey/platform/background-publisher'
import type { Broker } from '@rekey/platform/broker'
import type { Now } from '@rekey/platform/clock'
import { hashForLog, type Logger } from '@rekey/platform/logger'
import { loadScript, type Redis } from '@rekey/platform/redis'
import type { Limits } from '../limits/limits.ts'
import { type LockoutPolicy, maxFailedAttemptsPerChallenge } from '../limits/lockout.ts'
import {
  type Caller,
  type ChallengeRecord,
  type ChallengeReference,
  type Flow,
  keysOf,
  requesterOf,
  toRecord,
} from './challenge.ts'
import type { Codes } from './codes.ts'

interface Deps {
  redis: Redis
  broker: Broker
  limits: Limits
  lockouts: Record<Purpose, LockoutPolicy>
  codes: Codes
  backgroundPublisher: BackgroundPublisher
  now: Now
  log: Logger
}

/** What the challenge of an answer must match; an empty text is not compared. */
export interface AnswerBinding {
  flows: Flow[]
  clientId: string
  state: string
  scope: string
}

/** A challenge whose right code was submitted. */
export interface VerifiedChallenge extends ChallengeRecord {
  challengeId: string
}

type Answer =
  | { result: 'ok'; challenge: ChallengeRecord }
  /** `lockoutMs`: the lockout that this failed attempt begins; 0: none; -1: until the back office lifts it. */
  | { result: 'wrong'; failures: number; lockoutMs: number; challenge: ChallengeRecord }
  /** Not compared, because of a lockout of the account. */
  | { result: 'locked_out'; failures: number; challenge: ChallengeRecord }
  | { result: 'missing' | 'locked' }

/** The failed attempt that ended a challenge. A client gets the same error as for any other; the hosted page says more. */
export class ChallengeEnded extends RekeyError {
  constructor() {
    super('invalid_grant')
  }
}

/** Compares submitted codes. */
export const createAnswer = (deps: Deps) => {
  const { redis, broker, limits, lockouts, codes, backgroundPublisher, now, log } = deps
  const script = loadScript(redis, new URL('./answer.lua', import.meta.url))

  const compare = async (name: ChallengeReference, codeMac: string, binding: AnswerBinding): Promise<Answer> => {
    const lockout = lockouts[name.purpose]
    const [result, failures, flat, lockoutMs] = (await script(keysOf(name), [
      now().getTime(),
      codeMac,
      maxFailedAttemptsPerChallenge,
      binding.flows.join(),
      binding.clientId,
      binding.state,
      binding.scope,
      lockoutAttempts,
      lockout.firstLockoutMs,
      lockout.longestLockoutMs,
      lockout.memoryMs,
      lockout.permanentAfter ?? '',
      lockout.permanentMemoryMs ?? '',
    ])) as [Answer['result'], number, string[], number]
    if (result === 'missing' || result === 'locked') return { result }
    return { result, failures, lockoutMs, challenge: toRecord(flat) }
  }

  return {
    /**
     * Submits a code. The right one spends the challenge, and returns it.
     *
     * @throws RekeyError invalid_grant (wrong, expired, replaced, used, or another request's code: one answer for all;
     * ChallengeEnded for the fifth failed attempt), access_denied (five failed attempts before), too_many_requests,
     * unavailable
     */
    async answer(
      name: ChallengeReference,
      submitted: string | number,
      binding: AnswerBinding,
      caller: Caller,
    ): Promise<VerifiedChallenge> {
      // Throws before the code is spent: without the broker the event could not be published.
      broker.connection()
      const { challengeId, account, purpose } = name
      await limits.spendAnswer(requesterOf(caller, name))
      const answer = await compare(name, codes.mac(challengeId, codes.read(submitted)), binding)
      const line = { challenge: hashForLog(challengeId), address: caller.address }
      if (!('challenge' in answer)) {
        log.warn({ ...line, event: 'authn_challenge_fail', reason: answer.result }, 'code refused')
        throw new RekeyError(answer.result === 'locked' ? 'access_denied' : 'invalid_grant')
      }
      const { challenge } = answer
      const { clientId } = challenge
      const data = { challengeId, purpose, clientId, ip: caller.address }
      if (answer.result !== 'ok') {
        const { result: reason, failures: attempt } = answer
        log.warn({ ...line, event: 'authn_challenge_fail', reason, clientId, attempt }, 'code refused')
        if (reason === 'locked_out') limits.countLockedOut('answer')
        if (reason === 'wrong') {
          const event = attempt >= maxFailedAttemptsPerChallenge ? ChallengeLocked : ChallengeFailed
          backgroundPublisher.publish(event, { subject: challengeId, data: { ...data, attempt } })
          if (answer.lockoutMs !== 0) limits.reportLockout(answer.lockoutMs, { ...data, account })
        }
        throw attempt < maxFailedAttemptsPerChallenge ? new RekeyError('invalid_grant') : new ChallengeEnded()
      }
      log.info({ ...line, event: 'authn_challenge_success', clientId }, 'code accepted')
      backgroundPublisher.publish(ChallengeVerified, { subject: challengeId, data })
      return { ...challenge, challengeId }
    },
  }
}
