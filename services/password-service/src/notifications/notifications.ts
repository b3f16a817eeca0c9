import type { KeyObject } from 'node:crypto'
import {
  type Address,
  NotifyPasswordChanged,
  NotifyResetRequested,
  NotifyRestoreBlocked,
  NotifyTemporaryPassword,
  type Recipient,
  RekeyError,
} from '@rekey/contracts'
import type { Random } from '@rekey/platform/random'
import { seal } from '@rekey/platform/seal'
import type { Block } from '../lockout/lockout.ts'
import { type NewEvent, newEvent } from '../outbox/event.ts'
import { toRecipient } from './recipient.ts'

/** Whom notices go to. */
interface Noticed {
  customer: { id: number; locale: string; timezone: string }
  addresses: Address[]
}

/** What of a change its notices tell. */
export interface NoticedChange extends Noticed {
  change: { id: number; operation: 'change' | 'restore' | 'reset' | 'set'; ip: string; createTime: Date }
}

/** A temporary password on its way: sealed for the notifier, within the one event of that id. */
export interface SealedPassword {
  eventId: string
  sealed: string
}

interface Deps {
  addressKey: KeyObject
  /** Address of the page where whoever gets a notice can say that it was not them. */
  reportLink(about: { customerId: number; changeId: number; channel: Recipient['channel'] }): Promise<string>
  random: Random
}

/**
 * What customers are told of their password (S22): one event an address, each sealed for itself, so that nothing of it
 * can be moved into another.
 */
export const createNotices = ({ addressKey, reportLink, random }: Deps) => {
  const sealedFor = async (eventId: string, to: Address, { customer, change }: NoticedChange) => {
    const recipient = toRecipient(to, customer)
    const link = await reportLink({ customerId: customer.id, changeId: change.id, channel: recipient.channel })
    return {
      recipient: await seal(addressKey, eventId, recipient),
      reportLink: await seal(addressKey, eventId, link),
    }
  }

  const toEach = ({ addresses }: Noticed, notice: (id: string, to: Address) => Promise<NewEvent>) =>
    Promise.all(addresses.map((to) => notice(random.id(), to)))

  return {
    /** The password is a new one. */
    passwordChanged: (noticed: NoticedChange): Promise<NewEvent[]> =>
      toEach(noticed, async (id, to) =>
        newEvent(NotifyPasswordChanged, id, {
          ...(await sealedFor(id, to, noticed)),
          operation: noticed.change.operation,
          ip: noticed.change.ip,
          changedAt: noticed.change.createTime.toISOString(),
        }),
      ),

    /** The password must be changed at the next sign-in. */
    resetRequested: (noticed: NoticedChange): Promise<NewEvent[]> =>
      toEach(noticed, async (id, to) =>
        newEvent(NotifyResetRequested, id, {
          ...(await sealedFor(id, to, noticed)),
          requestedAt: noticed.change.createTime.toISOString(),
        }),
      ),

    /** Wrong codes block restore. Nothing was changed, and so there is no change to say "it was not me" to. */
    restoreBlocked: (noticed: Noticed, { from, until }: Block): Promise<NewEvent[]> =>
      toEach(noticed, async (id, to) =>
        newEvent(NotifyRestoreBlocked, id, {
          recipient: await seal(addressKey, id, toRecipient(to, noticed.customer)),
          blockedFrom: from.toISOString(),
          ...(until && { blockedUntil: until.toISOString() }),
        }),
      ),

    /** Seals a temporary password before it is known when it goes out. */
    async sealPassword(password: string): Promise<SealedPassword> {
      const eventId = random.id()
      return { eventId, sealed: await seal(addressKey, eventId, password) }
    },

    /**
     * The temporary password itself, by e-mail where there is an address, else by SMS.
     *
     * @throws RekeyError invalid_request: there is none of either
     */
    async temporaryPassword(
      { eventId, sealed }: SealedPassword,
      setBy: 'client' | 'back_office',
      expiresAt: Date,
      noticed: NoticedChange,
    ): Promise<NewEvent> {
      const to = noticed.addresses.find(({ kind }) => kind === 'email') ?? noticed.addresses[0]
      if (!to) throw new RekeyError('invalid_request', { detail: 'The customer has no confirmed address any more.' })
      return newEvent(NotifyTemporaryPassword, eventId, {
        ...(await sealedFor(eventId, to, noticed)),
        setBy,
        password: sealed,
        expiresAt: expiresAt.toISOString(),
      })
    },
  }
}

export type Notices = ReturnType<typeof createNotices>
