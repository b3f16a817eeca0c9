import {
  ChallengeFailed,
  ChallengeLocked,
  ChallengeVerified,
  enrolledChallengeTypes,
  lockoutAttempts,
  methodOfChallengeType,
  type Proof,
  type Purpose,
  RekeyError,
  unavailable,
  type VerifyPasskeyReply,
} from '@rekey/contracts'
import type { BackgroundPublisher } from '@rekey/platform/background-publisher'
import type { Broker } from '@rekey/platform/broker'
import type { Now } from '@rekey/platform/clock'
import { hashForLog, type Logger } from '@rekey/platform/logger'
import { outcomeOf } from '@rekey/platform/outcome'
import { loadScript, type Redis } from '@rekey/platform/redis'
import { pause } from '@rekey/platform/retry'
import { currentSpan } from '@rekey/platform/trace'
import type { Limits } from '../limits/limits.ts'
import { type LockoutPolicy, maxFailedAttemptsPerChallenge } from '../limits/lockout.ts'
import type { AnsweredCode, AnsweredCodes } from '../steps/answered-codes.ts'
import { fieldsOf } from '../stored-records/stored-records.ts'
import {
  type Caller,
  type ChallengeRecord,
  type ChallengeRecords,
  type ChallengeReference,
  isSecondProof,
  keysOf,
  requesterOf,
} from './challenge.ts'
import type { Codes } from './codes.ts'
import {
  type AnswerBinding,
  comparing,
  type EnrolledProof,
  enrolledMethodOf,
  type Submitted,
  spentLifeOf,
} from './compare.ts'
import { unusable } from './refusals.ts'
import { verifyProof } from './verify-proof.ts'

interface Deps {
  redis: Redis
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

/** A challenge whose right code was submitted. */
export interface VerifiedChallenge extends ChallengeRecord {
  challengeId: string
  /** When the code was submitted: a proof is judged by this time, however late a token is made from it (S42). */
  answeredAt: Date
  /** The proof that the code is. Undefined if the device is not known. */
  proof: Proof | undefined
}

interface Read {
  challenge: ChallengeRecord
  sentAtMs: number
}
type Answer =
  | (Read & { result: 'ok' })
  /** `lockoutMs`: the lockout that this failed attempt begins; 0: none; -1: until the back office lifts it. */
  | (Read & { result: 'wrong' | 'held'; failures: number; lockoutMs: number })
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
  const { redis, broker, limits, lockouts, codes, records, backgroundPublisher, answeredCodes, now, log } = deps
  const afterSpending = limits.loadNext(new URL('./answer.lua', import.meta.url))
  const settleScript = loadScript(redis, new URL('./settle.lua', import.meta.url))

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

  const readAnswer = (name: ChallengeReference, answer: unknown): Answer => {
    currentSpan()?.set({ 'rekey.challenge': hashForLog(name.challengeId) })
    const [result, failures, flat, lockoutMs] = answer as [Answer['result'], number, string[], number]
    if (result === 'missing' || result === 'locked' || isUnusable(result)) return { result }
    return { result, failures, lockoutMs, challenge: records.read(name, flat), sentAtMs: Number(fieldsOf(flat).sentAt) }
  }

  /**
   * Verifies the proof of a held attempt, which is counted as a failed one already.
   *
   * @returns isRight: it was right and has spent the challenge
   * @throws RekeyError unavailable: the attempt does not count
   */
  const verifyHeld = async (
    name: ChallengeReference,
    proof: EnrolledProof,
    { challenge, lockoutMs }: Extract<Answer, { lockoutMs: number }>,
    ip: string,
  ): Promise<VerifyPasskeyReply> => {
    const settle = (how: 'right' | 'undo') =>
      settleScript(keysOf(name), [how, spentLifeOf([challenge.flow]), lockoutMs === 0 ? 0 : 1, lockoutAttempts])
    try {
      const reply = await verifyProof(broker, name, { proof, challenge, ip })
      return reply.isRight && (await settle('right')) === 'ok' ? reply : { isRight: false }
    } catch (error) {
      await settle('undo').catch(() => {})
      throw error
    }
  }

  /** `answered` gets what becomes known of the code. @throws as `answer` */
  const submit = async (
    name: ChallengeReference,
    submitted: Submitted,
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
    const method = enrolledMethodOf(submitted)
    const codeMacs = typeof submitted === 'object' ? [] : codes.macs(challengeId, codes.read(submitted))
    const lockout = lockouts[purpose]
    const spent = await limits.spendAnswer(requesterOf(caller, name), {
      after: afterSpending,
      ...comparing(name, { submitted, codeMacs, binding, lockout, at: answeredAt }),
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
    answered.device = method ? enrolledChallengeTypes[method] : challenge.device || challenge.devices[0] || ''
    answered.method = methodOfChallengeType(answered.device)
    answered.isSecond = isSecondProof(challenge.flow)
    answered.sentAtMs = answer.sentAtMs
    const { clientId, customer } = challenge
    const data = { challengeId, purpose, clientId, ip: caller.address }
    const { isRight, key }: VerifyPasskeyReply =
      answer.result === 'held' && typeof submitted === 'object'
        ? await verifyHeld(name, submitted, answer, caller.address)
        : { isRight: answer.result === 'ok' }
    if (!isRight) {
      const { failures: attempt } = answer as Extract<Answer, { failures: number }>
      const reason = answer.result === 'locked_out' ? 'locked_out' : 'wrong'
      log.event('authn_challenge_fail', { ...line, reason, clientId, attempt })
      if (reason === 'locked_out') limits.countLockedOut('answer')
      if (reason === 'wrong') {
        const event = attempt >= maxFailedAttemptsPerChallenge ? ChallengeLocked : ChallengeFailed
        const username = isRestore && challenge.sealedUsername !== '' && { username: challenge.sealedUsername }
        const ofCustomer = (method || isSecondProof(challenge.flow)) && customer !== '' && { customer }
        const stored = backgroundPublisher.publish(event, {
          subject: challengeId,
          data: { ...data, attempt, ...username, ...ofCustomer },
        })
        const lockoutMs = 'lockoutMs' in answer ? answer.lockoutMs : 0
        if (lockoutMs !== 0) limits.reportLockout(lockoutMs, { ...data, account })
        if (isRestore) await assertStored(stored)
      }
      answered.outcome = reason
      throw attempt < maxFailedAttemptsPerChallenge ? new RekeyError('invalid_grant') : new ChallengeEnded()
    }
    log.event('authn_challenge_success', { ...line, clientId })
    backgroundPublisher.publish(ChallengeVerified, { subject: challengeId, data })
    const { method: given } = answered
    const proof = given && { method: given, at: Math.floor(answeredAt.getTime() / 1_000), ...(key && { key }) }
    return { ...challenge, challengeId, answeredAt, proof }
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
      submitted: Submitted,
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
