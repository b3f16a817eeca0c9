import { missingField, RekeyError } from '@rekey/contracts'
import type { TokenClaims } from '@rekey/platform/auth'
import { hashForLog, type Logger } from '@rekey/platform/logger'
import type { Hasher } from '../hashing/hasher.ts'
import { type Policy, refusePassword } from '../policy/policy.ts'
import { refuseCurrentPassword } from './current-password.ts'
import { type Grant, refuseGrant, toGrant } from './grant.ts'
import type { GrantHolder, PasswordStore } from './passwords.store.ts'
import type { Replacement } from './replacement.service.ts'

interface Deps {
  store: PasswordStore
  policy: Policy
  hasher: Hasher
  replacement: Replacement
  requireCurrentPassword: boolean
  log: Logger
}

interface Ask {
  /** Claims of the success token, where it is sound and meant to be one. */
  grant: TokenClaims | undefined
  password: string
  /** Address the request came from. */
  ip: string
}

export interface Passwords {
  /**
   * B1: the signed-in customer changes the password.
   *
   * @throws RekeyError success_token_refused, password_refused, invalid_request, current_password_wrong, unavailable
   */
  change(ask: Ask & { bearer: TokenClaims; currentPassword?: string | undefined }): Promise<void>
  /**
   * B2: whoever holds a restore's grant sets a new password.
   *
   * @throws RekeyError success_token_refused, password_refused, unavailable
   */
  restore(ask: Ask): Promise<void>
}

/** What is wrong with a grant that is sound in itself: its owner is not there or may not, or it was used before. */
const holderOf = (found: GrantHolder | undefined): GrantHolder => {
  if (!found) throw refuseGrant('nobody is behind it')
  if (found.blocked) throw refuseGrant('blocked')
  if (found.spent) throw refuseGrant('spent')
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
 * (S14); then what costs nothing; then the hash; and only what commits spends the grant.
 */
export const createPasswords = ({
  store,
  policy,
  hasher,
  replacement,
  requireCurrentPassword,
  log,
}: Deps): Passwords => {
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

  /** A temporary password went out by mail: it is not the one to keep. */
  const refuseTemporary = async ({ mustChange, hash }: GrantHolder, password: string) => {
    if (!mustChange || !hash || !(await hasher.verify(hash, password)).verified) return
    throw refusePassword([{ code: 'temporary', message: 'must not be the temporary one' }])
  }

  /** Says how it ended: to the log now, to whoever listens by the outbox. */
  const told = async (
    operation: 'change' | 'restore',
    { grant, ip }: Ask,
    bearer: TokenClaims | undefined,
    work: (known: (holder: GrantHolder) => void) => Promise<void>,
  ) => {
    const about: Record<string, unknown> = {
      challenge: grant?.challenge_id && hashForLog(grant.challenge_id),
      customer: bearer?.sub,
      actor: 'client',
      clientId: bearer?.client_id ?? grant?.client_id,
      address: ip,
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

  return {
    change: ({ bearer, currentPassword, ...ask }) =>
      told('change', ask, bearer, async (known) => {
        const grant: Grant = toGrant(ask.grant, 'change', bearer.sub)
        const holder = holderOf(await store.findForChange(grant))
        known(holder)
        policy.enforce(ask.password)
        await refuseTemporary(holder, ask.password)
        const verifiedHash = await checkCurrent(holder, currentPassword)
        const by = { id: bearer.sub, clientId: bearer.client_id, ip: ask.ip }
        await replacement.replace({
          customerId: holder.id,
          password: await replacement.prepare(ask.password),
          operation: 'change',
          by,
          grant,
          verifiedHash,
          keptSession: bearer.sid,
        })
      }),

    restore: (ask) =>
      told('restore', ask, undefined, async (known) => {
        const grant: Grant = toGrant(ask.grant, 'restore')
        const holder = holderOf(await store.findForRestore(grant))
        known(holder)
        policy.enforce(ask.password)
        await refuseTemporary(holder, ask.password)
        const by = { clientId: grant.clientId, ip: ask.ip }
        const password = await replacement.prepare(ask.password)
        await replacement.replace({ customerId: holder.id, password, operation: 'restore', by, grant })
      }),
  }
}
