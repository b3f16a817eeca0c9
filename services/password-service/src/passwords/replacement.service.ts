import type { KeyObject } from 'node:crypto'
import {
  type Address,
  type EventDefinition,
  NotifyPasswordChanged,
  NotifyTemporaryPassword,
  PasswordChanged,
  PasswordRestored,
  PasswordSet,
  type Recipient,
} from '@rekey/contracts'
import type { Now } from '@rekey/platform/clock'
import type { Random } from '@rekey/platform/random'
import { seal } from '@rekey/platform/seal'
import type { Hasher } from '../hashing/hasher.ts'
import { type NewEvent, newEvent } from '../outbox/event.ts'
import type { Grant } from './grant.ts'
import type { PasswordStore, Replaced } from './passwords.store.ts'

interface Deps {
  store: PasswordStore
  hasher: Hasher
  addressKey: KeyObject
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
}

interface NewPassword {
  customerId: number
  /** Has passed the policy. */
  password: string
  operation: 'change' | 'restore' | 'set'
  by: Requester
  grant?: Grant
  /** The hash that the current password was held against, where it was asked for. */
  verifiedHash?: string | undefined
  /** Goes out by mail, and must be changed at the next sign-in. */
  temporary?: boolean
}

/** Replaces a customer's password. @throws RekeyError success_token_refused, current_password_wrong, unavailable */
export type ReplacePassword = (replacement: NewPassword) => Promise<void>

/** Every request comes over HTTP for now: who made it is told by the actor, not by the channel. */
const channel = 'api'

const temporaryForMs = 24 * 3_600_000

const facts = {
  change: PasswordChanged,
  restore: PasswordRestored,
  set: PasswordSet,
} satisfies Record<NewPassword['operation'], EventDefinition>

/** One new password: hashed, stored with its history and its events, and told to every confirmed address (S22, S24). */
export const createReplacement = ({ store, hasher, addressKey, now, random }: Deps): ReplacePassword => {
  /** Sealed for one event: it cannot be moved into another. */
  const sealRecipient = (eventId: string, { kind, value }: Address, { locale, timezone }: Replaced['customer']) => {
    const recipient: Recipient = { channel: kind === 'email' ? 'email' : 'sms', to: value, locale, timezone }
    return seal(addressKey, eventId, recipient)
  }

  const fact = (operation: NewPassword['operation'], { customer, change }: Replaced): NewEvent =>
    newEvent(facts[operation], random.id(), {
      customer: customer.code,
      customerId: customer.id,
      changeId: change.id,
      actor: change.actor,
      actorId: change.actorId,
      clientId: change.clientId,
      channel: change.channel,
      ip: change.ip,
    })

  const notice = async (operation: NewPassword['operation'], to: Address, replaced: Replaced): Promise<NewEvent> => {
    const id = random.id()
    return newEvent(NotifyPasswordChanged, id, {
      operation,
      recipient: await sealRecipient(id, to, replaced.customer),
      ip: replaced.change.ip,
      changedAt: replaced.change.createTime.toISOString(),
    })
  }

  const temporaryMail = async (password: string, expiresAt: Date, replaced: Replaced): Promise<NewEvent> => {
    const to = replaced.addresses.find(({ kind }) => kind === 'email')
    if (!to) throw new Error('no confirmed e-mail address for the temporary password')
    const id = random.id()
    return newEvent(NotifyTemporaryPassword, id, {
      recipient: await sealRecipient(id, to, replaced.customer),
      password: await seal(addressKey, id, password),
      expiresAt: expiresAt.toISOString(),
    })
  }

  return async ({ customerId, password, operation, by, grant, verifiedHash, temporary = false }) => {
    // Outside the transaction: no row stays locked for as long as a hash takes, or waits for its turn.
    const hash = await hasher.hash(password)
    const createTime = now()
    const temporaryUntil = temporary ? new Date(createTime.getTime() + temporaryForMs) : undefined
    const byBackOffice = operation === 'set'
    await store.replace(
      {
        customerId,
        grant,
        verifiedHash,
        hash,
        temporaryUntil,
        change: {
          type: byBackOffice ? 'changed' : 'restored',
          operation,
          actor: byBackOffice ? 'back_office' : 'client',
          ...(by.id !== undefined && { actorId: by.id }),
          clientId: by.clientId,
          channel,
          ip: by.ip,
          createTime,
        },
      },
      async (replaced) => [
        fact(operation, replaced),
        ...(await Promise.all(replaced.addresses.map((to) => notice(operation, to, replaced)))),
        ...(temporaryUntil ? [await temporaryMail(password, temporaryUntil, replaced)] : []),
      ],
    )
  }
}
