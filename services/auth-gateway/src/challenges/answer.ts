import {
  ChallengeFailed,
  ChallengeLocked,
  ChallengeVerified,
  lockoutAttempts,
  type Purpose,
  RekeyError,
  unavailable,
} from '@rekey/contracts'
import type { BackgroundPublisher } from '@rekey/platform/background-publisher'
import type { Broker } from '@rekey/platform/broker'
import type { Now } from '@rekey/platform/clock'
import { hashForLog, type Logger } from '@rekey/platform/logger'
import { outcomeOf } from '@rekey/platform/outcome'
import type { ScriptCall } from '@rekey/platform/redis'
import { pause } from '@rekey/platform/retry'
import { currentSpan } from '@rekey/platform/trace'
import { otherSpelling } from '../clients/redirect-uri.ts'
import type { Limits } from '../limits/limits.ts'
import { type LockoutPolicy, maxFailedAttemptsPerChallenge } from '../limits/lockout.ts'
import type { AnsweredCode, AnsweredCodes } from '../steps/answered-codes.ts'
import { fieldsOf } from '../stored-records/stored-records.ts'
import {
  type Caller,
  type ChallengeRecord,
  type ChallengeRecords,
  type ChallengeReference,
  type Flow,
  keysOf,
  requesterOf,
} from './challenge.ts'
import type { Codes } from './codes.ts'
import { unusable } from './refusals.ts'

interface Deps {
  broker: Broker
  limits: Limits
  lockouts: Record<Purpose, LockoutPolicy>
  codes: Codes
  records: ChallengeRecords
  backgroundPublisher: BackgroundPublisher
  answeredCodes: AnsweredCodes
  now: Now
  log: Logger
}

/** How long the answer to a wrong code waits for the broker. */
const storeTimeoutMs = 1_500

/** What the challenge of an answer must match; an empty text is not compared. */
export interface AnswerBinding {
  flows: Flow[]
  clientId: string
  state: string
  scope: string
  /** Only if the answer is an authorization code. */
  authorizationCode?: {
    /** S256 challenge of this request; '' for none. */
    codeChallenge: string
    /** True if the code cannot be redeemed without a challenge. */
    pkceRequired: boolean
    /** Redirect URI of this request; '' for none. */
    redirectUri: string
  }
}

/** A challenge whose right code was submitted. */
export interface VerifiedChallenge extends ChallengeRecord {
  challengeId: string
  /** When the code was submitted: a proof is judged by this time, however late a token is made from it (S42). */
  answeredAt: Date
}

interface Read {
  challenge: ChallengeRecord
  sentAtMs: number
}
type Answer =
  | (Read & { result: 'ok' })
  /** `lockoutMs`: the lockout that this failed attempt begins; 0: none; -1: until the back office lifts it. */
  | (Read & { result: 'wrong'; failures: number; lockoutMs: number })
  /** Not compared, because of a lockout of the account. */
  | (Read & { result: 'locked_out'; failures: number })
  | { result: 'missing' | 'locked' | keyof typeof unusable }

const isUnusable = (result: string): result is keyof typeof unusable => Object.hasOwn(unusable, result)

/** The failed attempt that ended a challenge. A client gets the same error as for any other; the hosted page says more. */
export class ChallengeEnded extends RekeyError {
  constructor() {
    super('invalid_grant')
  }
}

/** Compares submitted codes. */
export const createAnswer = (deps: Deps) => {
  const { broker, limits, lockouts, codes, records, backgroundPublisher, answeredCodes, now, log } = deps
  const afterSpending = limits.loadNext(new URL('./answer.lua', import.meta.url))

  /** Wrong codes of restores that were answered 503 and whose events the broker has not stored yet. */
  let unstored = 0

  /**
   * Waits until the broker has stored the event of a wrong code: the password-service must be able to see every wrong
   * code that its sender knows of before it completes the person's restore (S42). Until a late event is stored, this
   * gateway compares no code of a restore.
   *
   * @throws RekeyError unavailable
   */
  const assertStored = async (stored: Promise<boolean>): Promise<void> => {
    const late = new AbortController()
    const isStored = await Promise.race([stored, pause(storeTimeoutMs, late.signal).then(() => false)])
    late.abort()
    if (isStored) return
    unstored += 1
    void stored.then(() => {
      unstored -= 1
    })
    throw unavailable(new Error('the broker has not stored the wrong code'))
  }

  /** The step that compares a code. */
  const comparing = (
    name: ChallengeReference,
    codeMacs: readonly string[],
    binding: AnswerBinding,
    at: Date,
  ): ScriptCall => {
    const lockout = lockouts[name.purpose]
    const { codeChallenge = '', pkceRequired = false, redirectUri = '' } = binding.authorizationCode ?? {}
    const args = [
      at.getTime(),
      codeMacs.join(),
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
      binding.authorizationCode ? 1 : 0,
      codeChallenge,
      pkceRequired ? 1 : 0,
      redirectUri,
      otherSpelling(redirectUri),
    ]
    return { keys: keysOf(name), args }
  }

  const readAnswer = (name: ChallengeReference, answer: unknown): Answer => {
    currentSpan()?.set({ 'rekey.challenge': hashForLog(name.challengeId) })
    const [result, failures, flat, lockoutMs] = answer as [Answer['result'], number, string[], number]
    if (result === 'missing' || result === 'locked' || isUnusable(result)) return { result }
    return { result, failures, lockoutMs, challenge: records.read(name, flat), sentAtMs: Number(fieldsOf(flat).sentAt) }
  }

  /** `answered` gets what becomes known of the code. @throws as `answer` */
  const submit = async (
    name: ChallengeReference,
    submitted: string | number,
    binding: AnswerBinding,
    caller: Caller,
    answered: AnsweredCode,
  ): Promise<VerifiedChallenge> => {
    // Throws before the code is spent: without the broker the event could not be published.
    broker.connection()
    const { challengeId, account, purpose } = name
    const isRestore = purpose === 'restore'
    if (isRestore && unstored > 0) throw unavailable(new Error('wrong codes wait for the broker'))
    const answeredAt = now()
    const codeMacs = codes.macs(challengeId, codes.read(submitted))
    const spent = await limits.spendAnswer(requesterOf(caller, name), {
      after: afterSpending,
      ...comparing(name, codeMacs, binding, answeredAt),
    })
    const answer = readAnswer(name, await spent.next())
    const line = { challenge: hashForLog(challengeId), address: caller.address }
    if (!('challenge' in answer)) {
      if (isUnusable(answer.result)) throw unusable[answer.result]()
      log.event('authn_challenge_fail', { ...line, reason: answer.result })
      answered.outcome = answer.result === 'locked' ? 'ended' : 'expired'
      throw new RekeyError(answer.result === 'locked' ? 'access_denied' : 'invalid_grant')
    }
    const { challenge } = answer
    // A restore has one device, which is stored with a code that is sent again only.
    answered.device = challenge.device || challenge.devices[0] || ''
    answered.sentAtMs = answer.sentAtMs
    const { clientId } = challenge
    const data = { challengeId, purpose, clientId, ip: caller.address }
    if (answer.result !== 'ok') {
      const { result: reason, failures: attempt } = answer
      log.event('authn_challenge_fail', { ...line, reason, clientId, attempt })
      if (reason === 'locked_out') limits.countLockedOut('answer')
      if (reason === 'wrong') {
        const event = attempt >= maxFailedAttemptsPerChallenge ? ChallengeLocked : ChallengeFailed
        const username = isRestore && challenge.sealedUsername !== '' && { username: challenge.sealedUsername }
        const stored = backgroundPublisher.publish(event, {
          subject: challengeId,
          data: { ...data, attempt, ...username },
        })
        if (answer.lockoutMs !== 0) limits.reportLockout(answer.lockoutMs, { ...data, account })
        if (isRestore) await assertStored(stored)
      }
      answered.outcome = reason
      throw attempt < maxFailedAttemptsPerChallenge ? new RekeyError('invalid_grant') : new ChallengeEnded()
    }
    log.event('authn_challenge_success', { ...line, clientId })
    backgroundPublisher.publish(ChallengeVerified, { subject: challengeId, data })
    return { ...challenge, challengeId, answeredAt }
  }

  return {
    /**
     * Submits a code. The right one spends the challenge, and returns it.
     *
     * @throws RekeyError invalid_scope and invalid_request (the answer could not be used; the code is not compared),
     * invalid_grant (wrong, expired, replaced, used, another request's code, or a changed record: one answer for all;
     * ChallengeEnded for the fifth failed attempt), access_denied (five failed attempts before), too_many_requests,
     * unavailable
     */
    async answer(
      name: ChallengeReference,
      submitted: string | number,
      binding: AnswerBinding,
      caller: Caller,
    ): Promise<VerifiedChallenge> {
      const answered: AnsweredCode = { device: '', sentAtMs: Number.NaN }
      try {
        const verified = await submit(name, submitted, binding, caller, answered)
        answeredCodes.count(name.purpose, answered, 'ok', verified.answeredAt)
        return verified
      } catch (error) {
        answeredCodes.count(name.purpose, answered, answered.outcome ?? outcomeOf(error), now())
        throw error
      }
    },
  }
}
