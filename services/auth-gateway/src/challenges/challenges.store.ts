import type { Purpose } from '@rekey/contracts'
import { loadScript, type Redis } from '@rekey/platform/redis'
import { type BudgetSize, blockingFailures, budgetKey, tagOf } from '../limits/lockout.ts'

/**
 * The flow that opened a challenge, and so the only endpoints that its code is good for: A1 → A2, A4 → A5,
 * B5b → B6, B5 → B6.
 */
export type Flow = 'oauthRestore' | 'oauthLogin' | 'brokerRestore' | 'brokerChange'

/** Names a challenge, whose it is and what for: all that it takes to find it and the budget that it counts against. */
export interface ChallengeName {
  challengeId: string
  /** HMAC of the normalised username, or of the customer where that is known from the start. */
  account: string
  purpose: Purpose
}

/** A challenge as Redis holds it. Nothing here tells the code or, in a restore, whether the account exists. */
export interface ChallengeRecord {
  flow: Flow
  /** HMAC of the normalised username. */
  account: string
  clientId: string
  redirectUri: string
  scope: string
  state: string
  /** The devices that a code may go to (oob:email:b*1@gmail.com), and the one that the last code went to. */
  devices: string[]
  device: string
  /** Username sealed for the password-service, while the customer is not known. */
  sealedUsername: string
  /** The customer's code, once a password or a bearer token has proven it. */
  customer: string
  /** In a change: the session that asked for it; else ''. */
  sessionId: string
  /** Decimal: the epoch of that session, or in a sign-in the customer's when the password was compared; else ''. */
  sessionEpoch: string
  verificationCode: string
  /** RFC 7636 S256 challenge of the first request; '' where it had none. */
  codeChallenge: string
}

export type Opening = { result: 'ok' | 'withheld' } | { result: 'blocked'; waitMs: number }

export type Sending =
  | { result: 'ok' | 'withheld'; sendNumber: number; challenge: ChallengeRecord; undo: () => Promise<void> }
  | { result: 'cooldown' | 'exhausted' | 'blocked'; waitMs: number }
  | { result: 'missing' | 'locked' | 'unknown_device' }

export type Answer =
  | { result: 'ok'; challenge: ChallengeRecord }
  /** `blockedMs`: what this failure blocks the account for; 0: nothing; -1: until the back office lifts it. */
  | { result: 'wrong'; failures: number; blockedMs: number; challenge: ChallengeRecord }
  /** Not compared: the account's budget is used up. */
  | { result: 'blocked'; failures: number; challenge: ChallengeRecord }
  | { result: 'missing' | 'locked' }

/** What an answer must match; an empty text is not compared. */
export interface AnswerBinding {
  flows: Flow[]
  clientId: string
  state: string
  scope: string
}

interface Code {
  mac: string
  verificationCode: string
  /** Milliseconds since the epoch. */
  expiresAt: number
}

const script = (name: string) => new URL(`./${name}.lua`, import.meta.url)

const keyOf = ({ account, challengeId }: ChallengeName) => `${tagOf(account)}:challenge:${challengeId}`
const keysOf = (name: ChallengeName) => [keyOf(name), budgetKey(name.account, name.purpose)]

/** Only of a restore nobody is told that its account is blocked (S11). */
const onBlock = ({ purpose }: ChallengeName) => (purpose === 'restore' ? 'withhold' : 'refuse')

const toRecord = (flat: string[]): ChallengeRecord => {
  const fields: Record<string, string> = {}
  for (let index = 0; index < flat.length; index += 2) fields[flat[index] ?? ''] = flat[index + 1] ?? ''
  return { ...(fields as unknown as ChallengeRecord), devices: (fields.devices ?? '').split('\n') }
}

interface Limits {
  failures: number
  sends: number
  cooldownMs: number
  budgets: Record<Purpose, BudgetSize>
}

/** Challenges in Redis: each method is one script, and so one atomic step. @throws RekeyError unavailable */
export const createChallengeStore = (redis: Redis, limits: Limits) => {
  const openScript = loadScript(redis, script('open'))
  const sendScript = loadScript(redis, script('send'))
  const unsendScript = loadScript(redis, script('unsend'))
  const answerScript = loadScript(redis, script('answer'))
  return {
    /** With a code, that code counts as the first one sent. */
    async open(
      name: ChallengeName,
      challenge: ChallengeRecord,
      now: number,
      expiresAt: number,
      codeMac?: string,
    ): Promise<Opening> {
      const fields = {
        ...challenge,
        devices: challenge.devices.join('\n'),
        failures: 0,
        sends: codeMac ? 1 : 0,
        sentAt: now,
        expiresAt,
        ...(codeMac && { codeMac }),
      }
      const [result, waitMs] = (await openScript(keysOf(name), [
        now,
        expiresAt - now,
        onBlock(name),
        ...Object.entries(fields).flat(),
      ])) as [Opening['result'], number]
      return result === 'blocked' ? { result, waitMs } : { result }
    },

    async send(name: ChallengeName, state: string, device: string, now: number, code: Code): Promise<Sending> {
      const [result, value, flat, before] = (await sendScript(keysOf(name), [
        now,
        state,
        device,
        limits.cooldownMs,
        limits.sends,
        limits.failures,
        code.mac,
        code.verificationCode,
        code.expiresAt,
        onBlock(name),
      ])) as [Sending['result'], number, string[], (string | null)[]]
      if (result === 'ok' || result === 'withheld') {
        const undo = async () => {
          await unsendScript([keyOf(name)], [now, code.mac, ...before.map((value) => value ?? '')]).catch(() => {})
        }
        return { result, sendNumber: value, challenge: toRecord(flat), undo }
      }
      if (result === 'cooldown' || result === 'exhausted' || result === 'blocked') return { result, waitMs: value }
      return { result }
    },

    async answer(name: ChallengeName, codeMac: string, now: number, must: AnswerBinding): Promise<Answer> {
      const { firstBlockMs, longestBlockMs, memoryMs, lastFailures, lastMemoryMs } = limits.budgets[name.purpose]
      const [result, failures, flat, blockedMs] = (await answerScript(keysOf(name), [
        now,
        codeMac,
        limits.failures,
        must.flows.join(),
        must.clientId,
        must.state,
        must.scope,
        blockingFailures,
        firstBlockMs,
        longestBlockMs,
        memoryMs,
        lastFailures ?? '',
        lastMemoryMs ?? '',
      ])) as [Answer['result'], number, string[], number]
      if (result === 'ok') return { result, challenge: toRecord(flat) }
      if (result === 'wrong') return { result, failures, blockedMs, challenge: toRecord(flat) }
      if (result === 'blocked') return { result, failures, challenge: toRecord(flat) }
      return { result }
    },

    /** Takes a challenge back whose code could not be handed to the broker. */
    async discard(name: ChallengeName): Promise<void> {
      await redis.del(keyOf(name)).catch(() => {})
    },
  }
}

export type ChallengeStore = ReturnType<typeof createChallengeStore>
