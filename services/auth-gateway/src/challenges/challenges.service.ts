import { createHmac, type KeyObject } from 'node:crypto'
import {
  ChallengeFailed,
  ChallengeIssued,
  ChallengeLocked,
  ChallengeVerified,
  challengeType,
  type Purpose,
  parseUsername,
  RekeyError,
  RestoreRequested,
} from '@rekey/contracts'
import type { Broker } from '@rekey/platform/broker'
import type { Now } from '@rekey/platform/clock'
import { hashForLog, type Logger } from '@rekey/platform/logger'
import type { Publisher } from '@rekey/platform/publisher'
import type { Random } from '@rekey/platform/random'
import type { Recorder } from '@rekey/platform/recorder'
import { seal } from '@rekey/platform/seal'
import type { Limits } from '../limits/limits.service.ts'
import type { AnswerBinding, ChallengeName, ChallengeRecord, ChallengeStore, Flow } from './challenges.store.ts'
import type { Codes } from './codes.ts'

interface Deps {
  store: ChallengeStore
  limits: Limits
  codes: Codes
  broker: Broker
  publisher: Publisher
  recorder: Recorder
  keys: { account: KeyObject; sealCode: KeyObject; sealUsername: KeyObject }
  codeTtlMs: number
  now: Now
  random: Random
  log: Logger
}

/** Where a request came from, as the gateway saw it and as its client claims. */
export interface Caller {
  address: string
  claimedIp?: string | undefined
  /** That limits count by, where it is not the one seen: see tokens/vouching.ts. */
  limitedAddress?: string
}

interface Request {
  clientId: string
  redirectUri: string
  scope: string
  state: string
  codeChallenge: string | undefined
}

/** An open challenge, as the answer to whoever opened it tells it. */
export interface OpenChallenge extends ChallengeName {
  clientId: string
  device: string
  verificationCode: string
  state: string
  expiresAt: Date
}

/** What an `mfa_token` says: which challenge, and which client opened it. */
export interface MfaToken extends ChallengeName {
  clientId: string
}

/** Who is signed in, by which session. */
export interface SignedIn {
  customer: string
  sessionId: string
  /** None where another issuer signed the customer in. */
  sessionEpoch: number | undefined
}

/** Whose password was proven. */
interface ProvenCustomer {
  customer: string
  sessionEpoch: number
  devices: string[]
}

/** A challenge whose code was given. */
export interface VerifiedChallenge extends ChallengeRecord {
  challengeId: string
}

const purposes: Record<Flow, Purpose> = {
  oauthRestore: 'restore',
  brokerRestore: 'restore',
  brokerChange: 'change',
  oauthLogin: 'login',
}

const limited = ({ address, limitedAddress = address }: Caller) => limitedAddress

/** A record that only the request is known of. */
const blank = ({ codeChallenge = '', ...request }: Request) => ({
  ...request,
  codeChallenge,
  account: '',
  devices: [],
  device: '',
  sealedUsername: '',
  customer: '',
  sessionId: '',
  sessionEpoch: '',
  verificationCode: '',
})

/** `oob:email` stands for the customer's first e-mail address: the gateway does not know it. */
const anyEmail = 'oob:email'

/** Which send of a challenge it is, and why nobody is to get its code, if so. */
interface Send {
  sendNumber: number
  withheld: Withheld | undefined
}

type Withheld = 'budget' | 'limit'

/** What keeps the code of a restore from being sent: wrong codes (S6), or too many codes (S7). */
const withheldBy = (opened: 'ok' | 'withheld', isOverLimit: boolean): Withheld | undefined => {
  if (opened === 'withheld') return 'budget'
  return isOverLimit ? 'limit' : undefined
}

const tooMany = (waitMs: number, allowance: number): RekeyError =>
  new RekeyError('too_many_requests', { retryAfterSeconds: Math.min(Math.ceil(waitMs / 1_000), daySeconds), allowance })

const daySeconds = 86_400

/** Challenges: opened, sent (again), answered. The one place that makes and compares confirmation codes. */
export const createChallenges = (deps: Deps) => {
  const { store, limits, codes, broker, publisher, recorder, keys, codeTtlMs, now, random, log } = deps

  const newCode = async (challengeId: string) => {
    const code = codes.confirmation()
    return {
      mac: codes.mac(challengeId, code),
      sealed: await seal(keys.sealCode, challengeId, code),
      verificationCode: codes.verification(),
      expiresAt: new Date(now().getTime() + codeTtlMs),
    }
  }
  type Code = Awaited<ReturnType<typeof newCode>>

  /**
   * Hands the code to whoever knows the address; the broker has stored it when this resolves. One that is withheld goes
   * the same way, so that nobody can tell by the time it takes.
   */
  const handOver = (challengeId: string, challenge: ChallengeRecord, code: Code, send: Send, caller: Caller) => {
    const { sendNumber, withheld } = send
    const data = {
      challengeId,
      sendNumber,
      clientId: challenge.clientId,
      code: code.sealed,
      verificationCode: code.verificationCode,
      ip: caller.address,
      expiresAt: code.expiresAt.toISOString(),
    }
    if (challenge.customer === '') {
      return publisher.publish(RestoreRequested, {
        subject: challengeId,
        data: {
          ...data,
          username: challenge.sealedUsername,
          ...(withheld && { withheld }),
          ...(caller.claimedIp !== undefined && { claimedIp: caller.claimedIp }),
        },
      })
    }
    return publisher.publish(ChallengeIssued, {
      subject: challenge.customer,
      data: { ...data, purpose: purposes[challenge.flow], customer: challenge.customer, device: challenge.device },
    })
  }

  const noteSent = (challengeId: string, { flow, clientId }: ChallengeRecord, attempt: number, { address }: Caller) =>
    log.info({ event: 'authn_challenge_sent', flow, challenge: hashForLog(challengeId), clientId, address, attempt })

  const openAndSend = async (
    name: ChallengeName,
    challenge: ChallengeRecord,
    caller: Caller,
  ): Promise<OpenChallenge> => {
    // Before anything is spent or stored: without the broker the code could not leave.
    broker.connection()
    const { challengeId, account, purpose } = name
    const { clientId, device, state } = challenge
    const asker = { address: limited(caller), clientId, account }
    const spent = await limits.spendCode({ purpose, isFirst: true }, asker)
    return spent.on(async () => {
      const code = await newCode(challengeId)
      const { verificationCode, expiresAt } = code
      const record = { ...challenge, verificationCode }
      const opened = await store.open(name, record, now().getTime(), expiresAt.getTime(), code.mac)
      if (opened.result === 'blocked') throw tooMany(opened.waitMs, 0)
      const withheld = withheldBy(opened.result, spent.isWithheld)
      try {
        await handOver(challengeId, challenge, code, { sendNumber: 1, withheld }, caller)
      } catch (error) {
        await store.discard(name)
        throw error
      }
      noteSent(challengeId, challenge, 1, caller)
      return { ...name, clientId, device, verificationCode, state, expiresAt }
    })
  }

  /** Replaces the code of a challenge, and hands the new one over. @throws RekeyError as `send` does */
  const replaceAndSend = async (
    name: MfaToken,
    { state, device }: Pick<ChallengeRecord, 'state' | 'device'>,
    isOverLimit: boolean,
    caller: Caller,
  ): Promise<OpenChallenge> => {
    const { challengeId, account, purpose } = name
    const code = await newCode(challengeId)
    const { verificationCode, expiresAt } = code
    const sending = await store.send(name, state, device, now().getTime(), {
      mac: code.mac,
      verificationCode,
      expiresAt: expiresAt.getTime(),
    })
    switch (sending.result) {
      case 'missing':
        throw new RekeyError('invalid_grant')
      case 'locked':
        throw new RekeyError('access_denied')
      case 'unknown_device':
        throw new RekeyError('invalid_request', {
          detail: 'challenge_type is not one of the devices on offer.',
          fields: [{ field: 'challenge_type', code: 'not_allowed', message: 'is not one of the devices on offer' }],
        })
      case 'cooldown':
        throw tooMany(sending.waitMs, 1)
      case 'exhausted':
        throw tooMany(sending.waitMs, mostSends)
      case 'blocked':
        throw tooMany(sending.waitMs, 0)
    }
    const { challenge, sendNumber, undo } = sending
    const withheld = withheldBy(sending.result, isOverLimit)
    try {
      await handOver(challengeId, challenge, code, { sendNumber, withheld }, caller)
    } catch (error) {
      await undo()
      throw error
    }
    noteSent(challengeId, challenge, sendNumber, caller)
    return { challengeId, account, purpose, clientId: challenge.clientId, device, verificationCode, state, expiresAt }
  }

  const hmac = (text: string) => createHmac('sha256', keys.account).update(text).digest('base64url')
  const accountOf = (username: string) => hmac(parseUsername(username).value)
  // No username begins with a control character.
  const accountOfCustomer = (customer: string) => hmac(`\0${customer}`)

  return {
    /** HMAC of the normalised username: what stands for an account, existing or not, in limits, logs and events. */
    accountOf,

    /** The same of a customer who is known, where no username is. */
    accountOfCustomer,

    /**
     * Opens a restore. No look-up: unknown and known users must look alike (ASVS 6.3.8), and who it is for is found
     * out elsewhere, later.
     *
     * @throws RekeyError unavailable, with nothing left behind
     */
    async openRestore(flow: 'oauthRestore' | 'brokerRestore', username: string, ask: Request, caller: Caller) {
      const challengeId = random.id()
      const device = challengeType(parseUsername(username))
      const sealedUsername = await seal(keys.sealUsername, challengeId, username)
      const account = accountOf(username)
      const challenge = { ...blank(ask), flow, account, devices: [device], device, sealedUsername }
      return openAndSend({ challengeId, account, purpose: 'restore' }, challenge, caller)
    },

    /** Opens a challenge for a signed-in customer who wants to change the password. @throws RekeyError unavailable */
    async openChange({ customer, sessionId, sessionEpoch }: SignedIn, ask: Request, caller: Caller) {
      const account = accountOfCustomer(customer)
      const challenge = {
        ...blank(ask),
        flow: 'brokerChange' as const,
        account,
        devices: [anyEmail],
        device: anyEmail,
        customer,
        sessionId,
        sessionEpoch: String(sessionEpoch ?? ''),
      }
      return openAndSend({ challengeId: random.id(), account, purpose: 'change' }, challenge, caller)
    },

    /** Opens a challenge after a password was proven; its code is sent once a device is chosen. @throws RekeyError unavailable */
    async openLogin(username: string, proven: ProvenCustomer, ask: Request): Promise<OpenChallenge> {
      const { customer, devices } = proven
      const opened = now()
      const expiresAt = new Date(opened.getTime() + codeTtlMs)
      const verificationCode = codes.verification()
      const name = { challengeId: random.id(), account: accountOf(username), purpose: 'login' as const }
      const challenge = {
        ...blank(ask),
        flow: 'oauthLogin' as const,
        account: name.account,
        devices,
        customer,
        sessionEpoch: String(proven.sessionEpoch),
        verificationCode,
      }
      const opening = await store.open(name, challenge, opened.getTime(), expiresAt.getTime())
      if (opening.result === 'blocked') throw tooMany(opening.waitMs, 0)
      return {
        ...name,
        clientId: ask.clientId,
        device: devices.join(' '),
        verificationCode,
        state: ask.state,
        expiresAt,
      }
    },

    /**
     * Sends a new code, which replaces the old; failures are kept.
     *
     * @throws RekeyError invalid_grant (no such challenge), access_denied (its tries are used up), invalid_request (not
     * one of its devices), too_many_requests (sent a moment ago, or too often), unavailable
     */
    async send(name: MfaToken, state: string, device: string, caller: Caller): Promise<OpenChallenge> {
      broker.connection()
      const { account, purpose, clientId } = name
      const asker = { address: limited(caller), clientId, account }
      const spent = await limits.spendCode({ purpose, isFirst: false }, asker)
      return spent.on(() => replaceAndSend(name, { state, device }, spent.isWithheld, caller))
    },

    /**
     * Takes a code. Right: the challenge is spent and returned.
     *
     * @throws RekeyError invalid_grant (wrong, expired, replaced, used, or another request's: one answer),
     * access_denied (five failures: the challenge takes no more), unavailable
     */
    async answer(
      name: MfaToken,
      sent: string | number,
      must: AnswerBinding,
      caller: Caller,
    ): Promise<VerifiedChallenge> {
      // A code is not spent while the fact that it was could not be told.
      broker.connection()
      const { challengeId, account, clientId: tokenOf } = name
      await limits.spendAnswer({ address: limited(caller), clientId: tokenOf })
      const answer = await store.answer(name, codes.mac(challengeId, codes.read(sent)), now().getTime(), must)
      const line = { challenge: hashForLog(challengeId), address: caller.address }
      if (!('challenge' in answer)) {
        log.warn({ ...line, event: 'authn_challenge_fail', reason: answer.result })
        throw new RekeyError(answer.result === 'locked' ? 'access_denied' : 'invalid_grant')
      }
      const { challenge } = answer
      const purpose = purposes[challenge.flow]
      const fact = { challengeId, purpose, clientId: challenge.clientId, ip: caller.address }
      if (answer.result === 'blocked') {
        const attempt = answer.failures
        log.warn({ ...line, event: 'authn_challenge_fail', reason: 'blocked', clientId: challenge.clientId, attempt })
        throw new RekeyError('invalid_grant')
      }
      if (answer.result === 'wrong') {
        const attempt = answer.failures
        log.warn({ ...line, event: 'authn_challenge_fail', reason: 'wrong', clientId: challenge.clientId, attempt })
        const kind = attempt >= mostFailures ? ChallengeLocked : ChallengeFailed
        recorder.record(kind, { subject: challengeId, data: { ...fact, attempt } })
        if (answer.blockedMs !== 0) limits.noteBudget(answer.blockedMs, { ...fact, account })
        throw new RekeyError('invalid_grant')
      }
      log.info({ ...line, event: 'authn_challenge_success', clientId: challenge.clientId })
      recorder.record(ChallengeVerified, { subject: challengeId, data: fact })
      return { ...challenge, challengeId }
    },
  }
}

/** Wrong codes that end a challenge (S5), and codes sent for one (the vendor's default). */
export const mostFailures = 5
export const mostSends = 5

export type Challenges = ReturnType<typeof createChallenges>
