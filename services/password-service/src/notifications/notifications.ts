import {
  type Address,
  NotifyPasswordChanged,
  NotifyProtectionChanged,
  NotifyResetRequested,
  NotifyRestoreBlocked,
  NotifyTemporaryPassword,
  RekeyError,
} from '@rekey/contracts'
import type { Keys } from '@rekey/platform/keys'
import { seal } from '@rekey/platform/seal'
import { type NewEvent, newEvent } from '../outbox/event.ts'
import { toRecipient } from './recipient.ts'
import { makeReportLink, type ReportLinkDeps } from './report-links.ts'

// Notifications of a password change or a lockout (S22): an event for each address. Each event's fields are sealed for
// its id, so that no field can be moved into another event.

export interface NotificationDeps extends ReportLinkDeps {
  keys: ReportLinkDeps['keys'] & {
    /** Shared with the notifier. */
    address: Keys
  }
}

interface Notified {
  customer: { id: number; locale: string; timezone: string }
  /** Confirmed ones: e-mail before phone, the oldest first. */
  addresses: Address[]
}

/** A change that its customer is notified of. */
export interface NotifiedChange extends Notified {
  change: { id: number; operation: 'change' | 'restore' | 'reset' | 'set'; ip: string; createTime: Date }
}

/** A temporary password that is sealed for the notifier, for the event with this id only. */
export interface SealedPassword {
  eventId: string
  sealed: string
}

const sealRecipient = (
  { keys }: NotificationDeps,
  eventId: string,
  to: Address,
  { customer }: Pick<Notified, 'customer'>,
) => seal(keys.address, eventId, toRecipient(to, customer))

const sealedFields = async (
  deps: NotificationDeps,
  eventId: string,
  to: Address,
  about: Notified & { change: { id: number } },
) => {
  const { customer, change } = about
  const { channel } = toRecipient(to, customer)
  const link = await makeReportLink(deps, { customerId: customer.id, changeId: change.id, channel })
  return {
    recipient: await sealRecipient(deps, eventId, to, about),
    reportLink: await seal(deps.keys.address, eventId, link),
  }
}

const toEachAddress = (
  { random }: NotificationDeps,
  addresses: Address[],
  create: (eventId: string, to: Address) => Promise<NewEvent>,
) => Promise.all(addresses.map((to) => create(random.id(), to)))

/** Notifies every address that the password was changed. */
export const passwordChangedNotifications = (deps: NotificationDeps, about: NotifiedChange): Promise<NewEvent[]> =>
  toEachAddress(deps, about.addresses, async (id, to) =>
    newEvent(NotifyPasswordChanged, id, {
      ...(await sealedFields(deps, id, to, about)),
      operation: about.change.operation,
      ip: about.change.ip,
      changedAt: about.change.createTime.toISOString(),
    }),
  )

/** Notifies every address that the next sign-in requires a new password. */
export const resetRequestedNotifications = (deps: NotificationDeps, about: NotifiedChange): Promise<NewEvent[]> =>
  toEachAddress(deps, about.addresses, async (id, to) =>
    newEvent(NotifyResetRequested, id, {
      ...(await sealedFields(deps, id, to, about)),
      requestedAt: about.change.createTime.toISOString(),
    }),
  )

/**
 * Notifies every address of a block, a lifted block or an ended hold. A block has no report link, which would block the
 * customer again.
 */
export const protectionChangedNotifications = (
  deps: NotificationDeps,
  about: Notified & { change: { id: number; operation: 'block' | 'lift_block' | 'end_hold'; createTime: Date } },
): Promise<NewEvent[]> =>
  toEachAddress(deps, about.addresses, async (id, to) => {
    const { operation, createTime } = about.change
    const sealed =
      operation === 'block'
        ? { recipient: await sealRecipient(deps, id, to, about) }
        : await sealedFields(deps, id, to, about)
    return newEvent(NotifyProtectionChanged, id, { ...sealed, operation, changedAt: createTime.toISOString() })
  })

/** Notifies every address of a lockout. Without a report link: no password was changed. */
export const restoreLockedNotifications = (
  deps: NotificationDeps,
  about: Notified,
  { from, until }: { from: Date; until: Date | undefined },
): Promise<NewEvent[]> =>
  toEachAddress(deps, about.addresses, async (id, to) =>
    newEvent(NotifyRestoreBlocked, id, {
      recipient: await sealRecipient(deps, id, to, about),
      blockedFrom: from.toISOString(),
      ...(until && { blockedUntil: until.toISOString() }),
    }),
  )

/** Seals a temporary password for the event that will carry it. */
export const sealTemporaryPassword = async (
  { keys, random }: Pick<NotificationDeps, 'keys' | 'random'>,
  password: string,
): Promise<SealedPassword> => {
  const eventId = random.id()
  return { eventId, sealed: await seal(keys.address, eventId, password) }
}

/**
 * Sends a temporary password to one address: by e-mail if the customer has one, else by SMS.
 *
 * @throws RekeyError invalid_request: the customer has no confirmed address
 */
export const temporaryPasswordNotification = async (
  deps: NotificationDeps,
  { eventId, sealed }: SealedPassword,
  { setBy, expiresAt }: { setBy: 'client' | 'back_office'; expiresAt: Date },
  about: NotifiedChange,
): Promise<NewEvent> => {
  const to = about.addresses.find(({ kind }) => kind === 'email') ?? about.addresses[0]
  if (!to) throw new RekeyError('invalid_request', { detail: 'The customer has no confirmed address any more.' })
  return newEvent(NotifyTemporaryPassword, eventId, {
    ...(await sealedFields(deps, eventId, to, about)),
    setBy,
    password: sealed,
    expiresAt: expiresAt.toISOString(),
  })
}
