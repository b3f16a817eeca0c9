import { createHmac, type KeyObject } from 'node:crypto'
import {
  ChallengeFailed,
  ChallengeLocked,
  ChallengeVerified,
  challengeType,
  parseUsername,
  RekeyError,
} from '@rekey/contracts'
import type { BackgroundPublisher } from '@rekey/platform/background-publisher'
import type { Broker } from '@rekey/platform/broker'
import type { Now } from '@rekey/platform/clock'
import { hashForLog, type Logger } from '@rekey/platform/logger'
import type { Random } from '@rekey/platform/random'
import { seal } from '@rekey/platform/seal'
import { blockingFailures } from '../limits/lockout.ts'
import type { Limits } from '../limits/limits.service.ts'
import type { AnswerBinding, ChallengeName, ChallengeRecord, ChallengeStore } from './challenges.store.ts'
import type { CodeDelivery } from './code-delivery.ts'
import type { Codes } from './codes.ts'

interface Deps {
  store: ChallengeStore
  limits: Limits
  codes: Codes
  delivery: CodeDelivery
  broker: Broker
  backgroundPublisher: BackgroundPublisher
  keys: { account: KeyObject; username: KeyObject }
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

/** What keeps the code of a restore from being sent. */
const withheldBy = (opened: 'ok' | 'withheld', isOverLimit: boolean) => {
  if (opened === 'withheld') return 'budget'
  return isOverLimit ? 'limit' : undefined
}

const tooMany = (waitMs: number, allowance: number): RekeyError =>
  new RekeyError('too_many_requests', { retryAfterSeconds: Math.ceil(waitMs / 1_000), allowance })

/** Challenges: opened, sent (again), answered. The one place that makes and compares confirmation codes. */
export const createChallenges = (deps: Deps) => {
  const { store, limits, codes, delivery, broker, backgroundPublisher, keys, codeTtlMs, now, random, log } = deps

  /**
   * Wrong codes have used up the account's budget. Told to whoever has proven to have it, by a password or a bearer
   * token; never of a restore.
   */
  const blocked = (
    { account, purpose }: ChallengeName,
    waitMs: number,
    { address, ...who }: { clientId: string; customer?: string; address: string },
  ): RekeyError => {
    const error = tooMany(waitMs, blockingFailures)
    const { retryAfterSeconds } = error
    const line = { event: 'authn_challenge_fail', reason: 'blocked', purpose, retryAfterSeconds, address }
    log.warn({ ...line, ...who, account: hashForLog(account) })
    return error
  }

  /** `username`: where the customer is not known. */
  const openAndSend = async (
    name: ChallengeName,
    request: ChallengeRecord,
    caller: Caller,
    username?: string,
  ): Promise<OpenChallenge> => {
    // Before anything is spent or stored: without the broker the code could not leave.
    broker.connection()
    const { challengeId, account, purpose } = name
    const { clientId, device, state } = request
    const asker = { address: limited(caller), clientId, account }
    const spent = await limits.spendCode({ purpose, isFirst: true }, asker)
    return spent.on(async () => {
      const [code, sealedUsername] = await Promise.all([
        delivery.newCode(challengeId),
        username === undefined ? '' : seal(keys.username, challengeId, username),
      ])
      const { verificationCode, expiresAt } = code
      const challenge = { ...request, verificationCode, sealedUsername }
      const opened = await store.open(name, challenge, now().getTime(), expiresAt.getTime(), code.mac)
      if (opened.result !== 'ok') limits.countBlocked('code')
      if (opened.result === 'blocked') {
        throw blocked(name, opened.waitMs, { clientId, customer: request.customer, address: caller.address })
      }
      const withheld = withheldBy(opened.result, spent.isWithheld)
      try {
        await delivery.handOver(name, challenge, code, { sendNumber: 1, withheld }, caller)
      } catch (error) {
        await store.discard(name)
        throw error
      }
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
    const code = await delivery.newCode(challengeId)
    const { verificationCode, expiresAt } = code
    const sending = await store.send(name, state, device, now().getTime(), {
      mac: code.mac,
      verificationCode,
      expiresAt: expiresAt.getTime(),
    })
    if (sending.result === 'blocked' || sending.result === 'withheld') limits.countBlocked('code')
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
        throw blocked(name, sending.waitMs, { clientId: name.clientId, address: caller.address })
    }
    const { challenge, sendNumber, undo } = sending
    const withheld = withheldBy(sending.result, isOverLimit)
    try {
      await delivery.handOver(name, challenge, code, { sendNumber, withheld }, caller)
    } catch (error) {
      await undo()
      throw error
    }
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
      const account = accountOf(username)
      const challenge = { ...blank(ask), flow, account, devices: [device], device }
      return openAndSend({ challengeId, account, purpose: 'restore' }, challenge, caller, username)
    },

    /**
     * Opens a challenge for a signed-in customer who wants to change the password.
     *
     * @throws RekeyError too_many_requests (too many codes, or wrong ones), unavailable
     */
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

    /**
     * Opens a challenge after a password was proven; its code is sent once a device is chosen.
     *
     * @throws RekeyError too_many_requests (wrong codes of sign-ins before), unavailable
     */
    async openLogin(username: string, proven: ProvenCustomer, ask: Request, caller: Caller): Promise<OpenChallenge> {
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
      if (opening.result === 'blocked') {
        limits.countBlocked('login')
        throw blocked(name, opening.waitMs, { clientId: ask.clientId, customer, address: caller.address })
      }
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
     * @throws RekeyError invalid_grant (wrong, expired, replaced, used, or another request's: one answer; of the fifth
     * wrong one as ChallengeEnded), access_denied (five failures: the challenge takes no more), unavailable
     */
    async answer(
      name: MfaToken,
      sent: string | number,
      must: AnswerBinding,
      caller: Caller,
    ): Promise<VerifiedChallenge> {
      // A code is not spent while the fact that it was could not be told.
      broker.connection()
      const { challengeId, account, purpose } = name
      await limits.spendAnswer({ address: limited(caller), clientId: name.clientId })
      const answer = await store.answer(name, codes.mac(challengeId, codes.read(sent)), now().getTime(), must)
      const line = { challenge: hashForLog(challengeId), address: caller.address }
      if (!('challenge' in answer)) {
        log.warn({ ...line, event: 'authn_challenge_fail', reason: answer.result })
        throw new RekeyError(answer.result === 'locked' ? 'access_denied' : 'invalid_grant')
      }
      const { challenge } = answer
      const { clientId } = challenge
      const fact = { challengeId, purpose, clientId, ip: caller.address }
      if (answer.result !== 'ok') {
        const { result: reason, failures: attempt } = answer
        log.warn({ ...line, event: 'authn_challenge_fail', reason, clientId, attempt })
        if (reason === 'blocked') limits.countBlocked('answer')
        if (reason === 'wrong') {
          const kind = attempt >= mostFailures ? ChallengeLocked : ChallengeFailed
          backgroundPublisher.publish(kind, { subject: challengeId, data: { ...fact, attempt } })
          if (answer.blockedMs !== 0) limits.noteBudget(answer.blockedMs, { ...fact, account })
        }
        throw attempt < mostFailures ? new RekeyError('invalid_grant') : new ChallengeEnded()
      }
      log.info({ ...line, event: 'authn_challenge_success', clientId })
      backgroundPublisher.publish(ChallengeVerified, { subject: challengeId, data: fact })
      return { ...challenge, challengeId }
    },
  }
}

/** Wrong codes that end a challenge (S5), and codes sent for one (the vendor's default). */
export const mostFailures = 5
export const mostSends = 5

/** The wrong code that ended a challenge. To a client it is one like any other; a person is told that it is over. */
export class ChallengeEnded extends RekeyError {
  constructor() {
    super('invalid_grant')
  }
}

export type Challenges = ReturnType<typeof createChallenges>
