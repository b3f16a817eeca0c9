import { type EventData, type LoginSucceeded, missingField, RekeyError } from '@rekey/contracts'
import type { TokenClaims } from '@rekey/platform/auth'
import type { Now } from '@rekey/platform/clock'
import { hashForLog, type Logger } from '@rekey/platform/logger'
import type { Random } from '@rekey/platform/random'
import type { Transaction } from '../database.ts'
import type { Hasher } from '../hashing/hasher.ts'
import type { Budgets } from '../lockout/lockout.service.ts'
import type { Policy } from '../policy/policy.ts'
import { sessionOf } from '../sessions/session.ts'
import { refuseCurrentPassword } from './current-password.ts'
import { type Grant, refuseGrant, toGrant } from './grant.ts'
import type { GrantHolder, PasswordStore } from './passwords.store.ts'
import type { PreparedPassword, Replacement } from './replace-password.ts'
import { makeTemporaryPassword } from './temporary-password.ts'

interface Deps {
  store: PasswordStore
  policy: Policy
  hasher: Hasher
  replacement: Replacement
  budgets: Pick<Budgets, 'wasBlockedAt' | 'forgive'>
  /** Whether a token's session is over. @throws RekeyError unavailable */
  isEnded(token: TokenClaims, tx?: Transaction): Promise<boolean>
  requireCurrentPassword: boolean
  /** Code points of a new password, at least. */
  minLength: number
  now: Now
  random: Random
  log: Logger
}

interface Ask {
  /** Claims of the success token, where it is sound and meant to be one. */
  grant: TokenClaims | undefined
  /** Address the request came from. */
  ip: string
  /** Address that the caller says its user has. */
  claimedIp?: string | undefined
}

export interface Passwords {
  /**
   * B1: the signed-in customer changes the password.
   *
   * @throws RekeyError success_token_refused, password_refused, invalid_request, current_password_wrong, unavailable
   */
  change(ask: Ask & { bearer: TokenClaims; password: string; currentPassword?: string | undefined }): Promise<void>
  /**
   * B2, and A3 with a password: whoever holds a restore's grant sets a new one.
   *
   * @throws RekeyError success_token_refused, password_refused, unavailable
   */
  restore(ask: Ask & { password: string }): Promise<void>
  /**
   * A3 without a password: the old one stops working at once, and a random one goes out to the customer, for one
   * sign-in within a day, at which it must be changed.
   *
   * @throws RekeyError success_token_refused, unavailable
   */
  reset(ask: Ask): Promise<void>
  /** A sign-in was given a token: where its password was a temporary one, that is used up. @throws RekeyError unavailable */
  spendTemporary(login: EventData<typeof LoginSucceeded>): Promise<void>
}

const sessionOver = 'of a session that is over'

/** What is wrong with a grant that is sound in itself: its owner is not there or may not, or it was used before. */
const holderOf = (found: GrantHolder | undefined, ended: boolean): GrantHolder => {
  if (!found) throw refuseGrant('nobody is behind it')
  if (found.blocked) throw refuseGrant('blocked')
  if (found.spent) throw refuseGrant('spent')
  if (ended) throw refuseGrant(sessionOver)
  return found
}

/** What a refusal was for, in words that hold nothing of the request. */
const reasonOf = (error: unknown): string => {
  if (!(error instanceof RekeyError)) return 'internal'
  const { code, cause, fields } = error
  if (code === 'success_token_refused' && cause instanceof Error) return cause.message
  return code === 'password_refused' ? `${code}: ${fields?.map((field) => field.code).join(', ')}` : code
}

/**
 * A customer's own new password. The order is the rule: the grant first, so that nobody without one learns the policy
 * (S14); then what costs nothing; then what was leaked or had before; then the hash; and only what commits spends the
 * grant.
 */
export const createPasswords = ({
  store,
  policy,
  hasher,
  replacement,
  budgets,
  isEnded,
  requireCurrentPassword,
  minLength,
  now,
  random,
  log,
}: Deps): Passwords => {
  const find = async (lookUp: (grant: Grant) => Promise<GrantHolder | undefined>, grant: Grant) => {
    const [found, ended] = await Promise.all([lookUp(grant), isEnded(grant.claims)])
    return holderOf(found, ended)
  }

  /** Sessions may end while the password is hashed; within the customer's lock no more (ASVS 15.4.2). */
  const whileSessionsLast = (grant: Grant, bearer?: TokenClaims) => async (tx: Transaction) => {
    if (bearer && (await isEnded(bearer, tx))) throw new RekeyError('invalid_token')
    if (await isEnded(grant.claims, tx)) throw refuseGrant(sessionOver)
  }

  /** A code that was guessed right after too many wrong ones restores nothing (S6); any other makes up for those. */
  const whileBudgetLasts = async (tx: Transaction, customerId: number, grant: Grant) => {
    const codeGivenAt = new Date(grant.claims.iat * 1_000)
    if (await budgets.wasBlockedAt(tx, customerId, codeGivenAt)) throw refuseGrant('after too many wrong codes')
    await budgets.forgive(tx, customerId)
  }

  /** The hash that the current password fits, where it was sent. */
  const checkCurrent = async ({ hash }: GrantHolder, currentPassword: string | undefined) => {
    if (currentPassword === undefined) {
      if (requireCurrentPassword) throw missingField('currentPassword')
      return undefined
    }
    const { verified } = await hasher.verify(hash ?? undefined, currentPassword)
    if (!hash || !verified) throw refuseCurrentPassword()
    return hash
  }

  /** Says how it ended: to the log now, to whoever listens by the outbox. */
  const told = async (
    operation: 'change' | 'restore' | 'reset',
    { grant, ip, claimedIp }: Ask,
    bearer: TokenClaims | undefined,
    work: (known: (holder: GrantHolder) => void) => Promise<void>,
  ) => {
    const about: Record<string, unknown> = {
      challenge: grant?.challenge_id && hashForLog(grant.challenge_id),
      customer: bearer?.sub,
      actor: 'client',
      clientId: bearer?.client_id ?? grant?.client_id,
      address: ip,
      ...(claimedIp !== undefined && { claimedIp }),
      channel: 'api',
    }
    try {
      await work((holder) => {
        about.customer = holder.code
      })
      log.info({ event: `authn_password_${operation}`, ...about }, 'password replaced')
    } catch (error) {
      log.warn(
        { event: `authn_password_${operation}_fail`, reason: reasonOf(error), ...about },
        'password not replaced',
      )
      throw error
    }
  }

  /**
   * A restore's grant makes a new password the customer's: the one that they chose, or one that goes out to them. `begin`
   * runs as soon as the grant is known to be sound.
   */
  const replaceForgotten = (
    operation: 'restore' | 'reset',
    ask: Ask,
    begin: () => (holder: GrantHolder) => Promise<PreparedPassword>,
  ) =>
    told(operation, ask, undefined, async (known) => {
      const grant = toGrant(ask.grant, 'restore')
      hasher.assertRoom()
      const prepare = begin()
      const holder = await find(store.findForRestore, grant)
      known(holder)
      await replacement.replace({
        customerId: holder.id,
        password: await prepare(holder),
        operation,
        by: { clientId: grant.clientId, ip: ask.ip },
        grant,
        alongside: async (tx) => {
          await whileSessionsLast(grant)(tx)
          await whileBudgetLasts(tx, holder.id, grant)
        },
      })
    })

  return {
    change: ({ bearer, password, currentPassword, ...ask }) =>
      told('change', ask, bearer, async (known) => {
        const grant = toGrant(ask.grant, 'change', bearer.sub)
        hasher.assertRoom()
        const candidate = policy.judge(password)
        const holder = await find(store.findForChange, grant)
        known(holder)
        candidate.refuseGuessable(holder)
        const verifiedHash = await checkCurrent(holder, currentPassword)
        await candidate.refuseKnown(holder)
        await replacement.replace({
          customerId: holder.id,
          password: await replacement.prepare(password),
          operation: 'change',
          by: { id: bearer.sub, clientId: bearer.client_id, ip: ask.ip },
          grant,
          verifiedHash,
          keptSession: sessionOf(bearer),
          alongside: whileSessionsLast(grant, bearer),
        })
      }),

    restore: ({ password, ...ask }) =>
      replaceForgotten('restore', ask, () => {
        const candidate = policy.judge(password)
        return async (holder) => {
          candidate.refuseGuessable(holder)
          await candidate.refuseKnown(holder)
          return replacement.prepare(password)
        }
      }),

    reset: (ask) =>
      replaceForgotten('reset', ask, () => async ({ reachable }) => {
        // The address that the code went to may have been taken away since.
        if (!reachable) throw refuseGrant('no confirmed address')
        return replacement.prepare(makeTemporaryPassword(random, minLength), { temporary: true })
      }),

    async spendTemporary(login) {
      const { customer, clientId } = login
      if (!(await store.spendTemporary(login, now()))) return
      log.info({ event: 'authn_temporary_password_used', customer, clientId }, 'temporary password used up')
    },
  }
}
