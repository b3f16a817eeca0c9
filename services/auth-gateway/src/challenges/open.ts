import { challengeType, channelOfDevice, parseUsername } from '@rekey/contracts'
import type { Broker } from '@rekey/platform/broker'
import type { Now } from '@rekey/platform/clock'
import type { Keys } from '@rekey/platform/keys'
import type { Logger } from '@rekey/platform/logger'
import { type Outcome, outcomeOf } from '@rekey/platform/outcome'
import type { Random } from '@rekey/platform/random'
import { loadScript, type Redis, type ScriptCall } from '@rekey/platform/redis'
import { seal } from '@rekey/platform/seal'
import { recordedTrace } from '@rekey/platform/trace'
import type { AccountKeys } from '../limits/account-keys.ts'
import type { FormerAccounts } from '../limits/former-accounts.ts'
import type { Limits } from '../limits/limits.ts'
import type { RestoreSteps } from '../steps/restore-steps.ts'
import {
  type Caller,
  type ChallengeName,
  type ChallengeRecord,
  type ChallengeRecords,
  challengeKey,
  keysOf,
  type OpenChallenge,
  onLockout,
  requesterOf,
} from './challenge.ts'
import {
  type ChangeKind,
  firstEmail,
  passwordChange,
  type Request,
  recordOf,
  type SignedIn,
  type VerifiedCustomer,
} from './challenge-request.ts'
import type { CodeDelivery } from './code-delivery.ts'
import type { Codes } from './codes.ts'
import { refuseLockedOut, suppressedBy } from './refusals.ts'

interface Deps {
  redis: Redis
  broker: Broker
  limits: Limits
  accountKeys: AccountKeys
  formerAccounts: FormerAccounts
  /** Seal usernames for the password-service. */
  usernameKeys: Keys
  codes: Codes
  delivery: CodeDelivery
  records: ChallengeRecords
  codeTtlMs: number
  restoreSteps: RestoreSteps
  now: Now
  random: Random
  log: Logger
}

/** The answer of open.lua. */
type Stored = [result: 'ok' | 'suppressed' | 'locked_out', waitMs: number]

/** Opens challenges. */
export const createOpen = (deps: Deps) => {
  const { redis, broker, limits, accountKeys, formerAccounts, usernameKeys, codes, delivery, records, codeTtlMs } = deps
  const { restoreSteps, now, random, log } = deps
  const file = new URL('./open.lua', import.meta.url)
  const script = loadScript(redis, file)
  const afterSpending = limits.loadNext(file)

  /** The step that stores a challenge. With a code, that code counts as the first one sent. */
  const storing = (name: ChallengeName, challenge: ChallengeRecord, expiresAt: Date, codeMac?: string): ScriptCall => {
    const at = now().getTime()
    const trace = recordedTrace()
    const fields = {
      ...records.toFields(name, challenge),
      failures: 0,
      sends: codeMac ? 1 : 0,
      sentAt: at,
      expiresAt: expiresAt.getTime(),
      ...(codeMac && { codeMac }),
      ...(trace && { trace }),
    }
    const args = [at, expiresAt.getTime() - at, onLockout(name), ...Object.entries(fields).flat()]
    return { keys: keysOf(name), args }
  }

  /** `username`: if the customer is not known. */
  const openAndSend = async (
    name: ChallengeName,
    request: ChallengeRecord,
    caller: Caller,
    username?: string,
  ): Promise<OpenChallenge> => {
    // Throws before anything is spent or stored: without the broker the code could not be published.
    broker.connection()
    const { challengeId, account, purpose } = name
    const { clientId, device, state } = request
    const code = delivery.newCode(challengeId)
    const sealedUsername = username === undefined ? '' : seal(usernameKeys, challengeId, username)
    const { verificationCode, expiresAt } = code
    const challenge = { ...request, verificationCode, sealedUsername }
    const spent = await limits.spendCode({ purpose, isFirst: true }, requesterOf(caller, { clientId, account }), {
      after: afterSpending,
      ...storing(name, challenge, expiresAt, code.mac),
    })
    return spent.refundOnFailure(async () => {
      const [result, waitMs] = (await spent.next()) as Stored
      if (result !== 'ok') limits.countLockedOut('code')
      if (result === 'locked_out') {
        throw refuseLockedOut(log, name, waitMs, { clientId, customer: request.customer, address: caller.address })
      }
      const suppressed = suppressedBy(result, spent.isSuppressed)
      try {
        const { knownNetwork } = spent
        await delivery.publishCode(name, challenge, code, { sendNumber: 1, suppressed, knownNetwork }, caller)
      } catch (error) {
        await redis.del(challengeKey(name)).catch(() => {})
        throw error
      }
      return { ...name, clientId, device, verificationCode, state, expiresAt }
    })
  }

  /** Opens a challenge of a proven customer; its code comes later, or by no message. */
  const openWithoutCode = async (
    name: ChallengeName,
    challenge: ChallengeRecord,
    caller: Caller,
  ): Promise<OpenChallenge> => {
    const { clientId, customer, state, device, verificationCode } = challenge
    const expiresAt = new Date(now().getTime() + codeTtlMs)
    const { keys, args } = storing(name, challenge, expiresAt)
    const [result, waitMs] = (await script(keys, args)) as Stored
    if (result === 'locked_out') {
      limits.countLockedOut(name.purpose === 'login' ? 'login' : 'code')
      throw refuseLockedOut(log, name, waitMs, { clientId, customer, address: caller.address })
    }
    return { ...name, clientId, device, verificationCode, state, expiresAt }
  }

  return {
    /**
     * Opens a restore, without looking the username up: answers for known and unknown users must be alike (ASVS 6.3.8).
     * The password-service finds the customer later.
     *
     * @throws RekeyError unavailable, with nothing left behind
     */
    async openRestore(
      flow: 'oauthRestore' | 'brokerRestore',
      username: string,
      request: Request,
      caller: Caller,
    ): Promise<OpenChallenge> {
      const challengeId = random.id()
      const device = challengeType(parseUsername(username))
      const account = accountKeys.ofUsername(username)
      const challenge = { ...recordOf(request), flow, devices: [device], device }
      const count = (outcome: Outcome) => restoreSteps.requested(channelOfDevice(device), outcome)
      try {
        await formerAccounts.carryOver(accountKeys.formerOfUsername(username), account, 'restore')
        const opened = await openAndSend({ challengeId, account, purpose: 'restore' }, challenge, caller, username)
        count('ok')
        return opened
      } catch (error) {
        count(outcomeOf(error))
        throw error
      }
    },

    /**
     * Opens a challenge for a signed-in customer who wants to change the password.
     *
     * @throws RekeyError too_many_requests (rate limit or lockout), unavailable
     */
    async openChange(
      { customer, sessionId, sessionEpoch }: SignedIn,
      request: Request,
      caller: Caller,
      { flow, challengeTypes }: ChangeKind = passwordChange,
    ): Promise<OpenChallenge> {
      const account = accountKeys.ofCustomer(customer)
      await formerAccounts.carryOver(accountKeys.formerOfCustomer(customer), account, 'change')
      const challenge = {
        ...recordOf(request),
        flow,
        devices: challengeTypes,
        device: challengeTypes[0] ?? firstEmail,
        customer,
        sessionId,
        sessionEpoch: String(sessionEpoch ?? ''),
      }
      const name = { challengeId: random.id(), account, purpose: 'change' as const }
      if (challenge.device === firstEmail) return openAndSend(name, challenge, caller)
      await limits.spendCode({ purpose: 'change', isFirst: true }, requesterOf(caller, { ...request, account }))
      return openWithoutCode(name, challenge, caller)
    },

    /**
     * Opens a challenge after the password was verified. Its code is sent when the customer has chosen a device. Failed
     * attempts count for the customer, whichever address was the username (S42).
     *
     * @throws RekeyError too_many_requests (lockout), unavailable
     */
    async openLogin(
      { customer, usernameAccount, devices, sessionEpoch }: VerifiedCustomer,
      request: Request,
      caller: Caller,
    ): Promise<OpenChallenge> {
      const verificationCode = codes.verification()
      const name = { challengeId: random.id(), account: accountKeys.ofCustomer(customer), purpose: 'login' as const }
      const challenge = {
        ...recordOf(request),
        flow: 'oauthLogin' as const,
        account: name.account,
        usernameAccount,
        devices,
        customer,
        sessionEpoch: String(sessionEpoch),
        verificationCode,
      }
      await formerAccounts.carryOver(accountKeys.formerOfCustomer(customer), name.account, 'login')
      const opened = await openWithoutCode(name, challenge, caller)
      return { ...opened, provenAt: now(), device: devices.join(' ') }
    },
  }
}
