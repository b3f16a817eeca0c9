import { type EventDefinition, PasswordChanged, PasswordReset, PasswordRestored, PasswordSet } from '@rekey/contracts'
import type { Now } from '@rekey/platform/clock'
import type { Random } from '@rekey/platform/random'
import type { Transaction } from '../database.ts'
import type { Hasher } from '../hashing/hasher.ts'
import type { Notices, SealedPassword } from '../notifications/notifications.ts'
import { type NewEvent, newEvent } from '../outbox/event.ts'
import { factOf, type Replaced } from './facts.ts'
import type { Grant } from './grant.ts'
import type { PasswordStore } from './passwords.store.ts'

interface Deps {
  store: PasswordStore
  hasher: Hasher
  notices: Notices
  /** How long withdrawals should wait after a restore; 0: no hold. */
  holdMs: number
  now: Now
  random: Random
}

/** Who asks, as far as it is known. */
export interface Requester {
  /** Token subject; absent where the customer is known by the challenge alone. */
  id?: string
  clientId: string
  /** Address the request came from. */
  ip: string
  /** Token subject of the second person who agreed, where one had to. */
  approvedBy?: string | undefined
}

/** A password made ready to be stored, of which nothing can be read any more. */
export interface PreparedPassword {
  hash: string
  /** Where it is a temporary one, which goes out to the customer and must be changed at the next sign-in. */
  temporary?: SealedPassword | undefined
}

type Operation = 'change' | 'restore' | 'reset' | 'set'

interface NewPassword {
  customerId: number
  password: PreparedPassword
  operation: Operation
  by: Requester
  grant?: Grant
  /** The hash that the current password was held against, where it was asked for. */
  verifiedHash?: string | undefined
  /** The session that makes the change goes on. */
  keptSession?: string | undefined
  /** Runs in the same transaction; by throwing it undoes the replacement. */
  alongside?: ((tx: Transaction) => Promise<void>) | undefined
}

/** Every request comes over HTTP for now: who made it is told by the actor, not by the channel. */
const channel = 'api'

const temporaryForMs = 24 * 3_600_000

const facts = {
  change: PasswordChanged,
  restore: PasswordRestored,
  reset: PasswordReset,
  set: PasswordSet,
} satisfies Record<Operation, EventDefinition>

/** Whoever got in by a code alone may be somebody else: withdrawals wait. */
const holds = (operation: Operation) => operation === 'restore' || operation === 'reset'

/** One new password: hashed, stored with its history and its events, and told to every confirmed address (S22, S24). */
export const createReplacement = ({ store, hasher, notices, holdMs, now, random }: Deps) => {
  const fact = (
    { operation, by, keptSession }: Pick<NewPassword, 'operation' | 'by' | 'keptSession'>,
    replaced: Replaced,
  ): NewEvent =>
    newEvent(facts[operation], random.id(), {
      ...factOf(replaced),
      ...(by.approvedBy !== undefined && { approvedBy: by.approvedBy }),
      ...(keptSession !== undefined && { keptSession }),
      ...(replaced.change.holdUntil && { holdUntil: replaced.change.holdUntil.toISOString() }),
    })

  return {
    /**
     * Hashes a password that has passed the policy; where it is `temporary`, seals it for its way to the customer too.
     * Outside any transaction: no row stays locked for as long as a hash takes, or waits for its turn.
     *
     * @throws RekeyError unavailable
     */
    async prepare(password: string, { temporary = false } = {}): Promise<PreparedPassword> {
      const hash = await hasher.hash(password)
      return temporary ? { hash, temporary: await notices.sealPassword(password) } : { hash }
    },

    /** Replaces a customer's password. @throws RekeyError success_token_refused, current_password_wrong, unavailable */
    async replace({ customerId, password, operation, by, grant, verifiedHash, keptSession, alongside }: NewPassword) {
      const { hash, temporary } = password
      const createTime = now()
      const temporaryUntil = temporary && new Date(createTime.getTime() + temporaryForMs)
      const byBackOffice = operation === 'set'
      const actor = byBackOffice ? 'back_office' : 'client'
      await store.replace(
        {
          customerId,
          grant,
          verifiedHash,
          hash,
          temporaryUntil,
          keptSession,
          change: {
            type: byBackOffice ? 'changed' : 'restored',
            operation,
            actor,
            ...(by.id !== undefined && { actorId: by.id }),
            clientId: by.clientId,
            channel,
            ip: by.ip,
            createTime,
            ...(holds(operation) && holdMs > 0 && { holdUntil: new Date(createTime.getTime() + holdMs) }),
          },
        },
        async (replaced) => [
          fact({ operation, by, keptSession }, replaced),
          ...(await notices.passwordChanged(replaced)),
          ...(temporary && temporaryUntil
            ? [await notices.temporaryPassword(temporary, actor, temporaryUntil, replaced)]
            : []),
        ],
        alongside,
      )
    },
  }
}

export type Replacement = ReturnType<typeof createReplacement>
