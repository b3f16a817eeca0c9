import {
  type Address,
  type FactorOperation,
  NotifyAddressRemoved,
  NotifyAskedWhileBlocked,
  NotifyFactorsChanged,
  NotifyPasswordChanged,
  NotifyProtectionChanged,
  NotifyResetRequested,
  NotifyRestoreBlocked,
  NotifyRestoreWaiting,
  noChangeId,
  type WaitingRestoreNotice,
} from '@rekey/contracts'
import type { Keys } from '@rekey/platform/keys'
import { seal } from '@rekey/platform/seal'
import { loggedAddress, type NewMessage } from '../messages/message.ts'
import { type NewEvent, newEvent } from '../outbox/event.ts'
import type { CustomerProof } from '../staff/customer-proof.ts'
import { toRecipient } from './recipient.ts'
import { makeReportLink, type ReportLinkDeps } from './report-links.ts'

// Notifications of a password change or a lockout (S22): an event for each address. Each event's fields are sealed for
// its id, so that no field can be moved into another event. Each is also a message of the log (B13).

export interface NotificationDeps extends ReportLinkDeps {
  keys: ReportLinkDeps['keys'] & {
    /** Shared with the notifier. */
    address: Keys
  }
}

/** In the notification of an act of staff whom the customer should ask: it was done without a verification. */
const withProof = (isUnverified: boolean | undefined) => (isUnverified ? { unverified: true } : {})

interface Notified {
  customer: { id: number; locale: string; timezone: string }
  addresses: Address[]
}

/** A change that its customer is notified of. */
export interface NotifiedChange extends Notified {
  change: { id: number; operation: 'change' | 'restore' | 'reset' | 'set'; ip: string; createTime: Date }
  /** True if the staff had not verified the customer. */
  unverified?: boolean
}

const sealRecipient = (
  { keys }: NotificationDeps,
  eventId: string,
  to: Address,
  { customer }: Pick<Notified, 'customer'>,
) => seal(keys.address, eventId, toRecipient(to, customer))

/** The sealed fields of a notification, and its link as it is stored. */
export const sealFields = async (
  deps: NotificationDeps,
  eventId: string,
  to: Address,
  about: Pick<Notified, 'customer'> & { change: { id: number } },
) => {
  const { customer, change } = about
  const { channel } = toRecipient(to, customer)
  const { url, stored } = makeReportLink(deps, { customerId: customer.id, changeId: change.id, channel })
  const sealed = {
    recipient: await sealRecipient(deps, eventId, to, about),
    reportLink: await seal(deps.keys.address, eventId, url),
  }
  return { sealed, reportLink: stored }
}

/** What the log says of a notification. */
const notificationTo = (
  to: Address,
  { customer }: Pick<Notified, 'customer'>,
  purpose: NewMessage['purpose'],
): { message: NewMessage } => ({
  message: { customerId: customer.id, kind: 'notification', purpose, ...loggedAddress(to) },
})

const toEachAddress = (
  { random }: NotificationDeps,
  addresses: Address[],
  create: (eventId: string, to: Address) => Promise<NewEvent>,
) => Promise.all(addresses.map((to) => create(random.id(), to)))

/** Notifies every address that the password was changed. */
export const passwordChangedNotifications = (deps: NotificationDeps, about: NotifiedChange): Promise<NewEvent[]> =>
  toEachAddress(deps, about.addresses, async (id, to) => {
    const { sealed, reportLink } = await sealFields(deps, id, to, about)
    const { operation, ip, createTime } = about.change
    const common = { customerId: about.customer.id, operation, ip, changedAt: createTime.toISOString() }
    const data = { ...common, ...sealed, ...withProof(about.unverified) }
    return {
      ...newEvent(NotifyPasswordChanged, id, data),
      reportLink,
      ...notificationTo(to, about, 'password_changed'),
    }
  })

/** Notifies every address that the next sign-in requires a new password. */
export const resetRequestedNotifications = (deps: NotificationDeps, about: NotifiedChange): Promise<NewEvent[]> =>
  toEachAddress(deps, about.addresses, async (id, to) => {
    const { sealed, reportLink } = await sealFields(deps, id, to, about)
    const requestedAt = about.change.createTime.toISOString()
    const data = { customerId: about.customer.id, ...sealed, requestedAt, ...withProof(about.unverified) }
    return { ...newEvent(NotifyResetRequested, id, data), reportLink, ...notificationTo(to, about, 'reset_requested') }
  })

/**
 * Notifies every address of a block, a lifted block, an ended hold, or the end of all sessions. A block has no report link, which would block the
 * customer again.
 */
export const protectionChangedNotifications = (
  deps: NotificationDeps,
  about: Notified & {
    change: { id: number; operation: 'block' | 'lift_block' | 'end_hold' | 'end_sessions'; createTime: Date }
  },
  proof: CustomerProof = 'not_required',
): Promise<NewEvent[]> =>
  toEachAddress(deps, about.addresses, async (id, to) => {
    const { operation, createTime } = about.change
    const when = { changedAt: createTime.toISOString(), ...withProof(proof === 'overridden') }
    const common = { customerId: about.customer.id, operation, ...when }
    const message = notificationTo(to, about, 'protection_changed')
    if (operation === 'block') {
      const recipient = await sealRecipient(deps, id, to, about)
      return { ...newEvent(NotifyProtectionChanged, id, { ...common, recipient }), ...message }
    }
    const { sealed, reportLink } = await sealFields(deps, id, to, about)
    return { ...newEvent(NotifyProtectionChanged, id, { ...common, ...sealed }), reportLink, ...message }
  })

/** Notifies every address of a lockout. Without a report link: no password was changed. */
export const restoreLockedNotifications = (
  deps: NotificationDeps,
  about: Notified,
  { from, until }: { from: Date; until: Date | undefined },
): Promise<NewEvent[]> =>
  toEachAddress(deps, about.addresses, async (id, to) => ({
    ...newEvent(NotifyRestoreBlocked, id, {
      customerId: about.customer.id,
      recipient: await sealRecipient(deps, id, to, about),
      blockedFrom: from.toISOString(),
      ...(until && { blockedUntil: until.toISOString() }),
    }),
    ...notificationTo(to, about, 'restore_blocked'),
  }))

/** Notifies every address that somebody asked for a code of a blocked customer. Without a report link, which would block the customer again. */
export const askedWhileBlockedNotifications = (
  deps: NotificationDeps,
  about: Notified,
  askedAt: Date,
): Promise<NewEvent[]> =>
  toEachAddress(deps, about.addresses, async (id, to) => ({
    ...newEvent(NotifyAskedWhileBlocked, id, {
      customerId: about.customer.id,
      recipient: await sealRecipient(deps, id, to, about),
      askedAt: askedAt.toISOString(),
    }),
    ...notificationTo(to, about, 'asked_while_blocked'),
  }))

/** Notifies an address that its customer lost it. The link is about no record of the history. */
export const addressRemovedNotification = async (
  deps: NotificationDeps,
  loss: Address & { customerId: number; locale: string; timezone: string; removedAt: Date; replacedBy: string[] },
): Promise<NewEvent> => {
  const id = deps.random.id()
  const { customerId, locale, timezone, removedAt, replacedBy } = loss
  const about = { customer: { id: customerId, locale, timezone }, change: { id: noChangeId } }
  const { sealed, reportLink } = await sealFields(deps, id, loss, about)
  const data = { customerId, ...sealed, replacedBy, removedAt: removedAt.toISOString() }
  return {
    ...newEvent(NotifyAddressRemoved, id, data),
    reportLink,
    ...notificationTo(loss, about, 'address_removed'),
  }
}

/** Notifies every address of a change of the second factors (S57). The link is about a record of the history only for a reset. */
export const factorsChangedNotifications = (
  deps: NotificationDeps,
  { customer, addresses }: Notified,
  {
    operation,
    changeId = noChangeId,
    ip,
    changedAt,
    proof,
  }: { operation: FactorOperation | 'reset'; changeId?: number; ip?: string; changedAt: Date; proof?: CustomerProof },
): Promise<NewEvent[]> =>
  toEachAddress(deps, addresses, async (id, to) => {
    const about = { customer, change: { id: changeId } }
    const { sealed, reportLink } = await sealFields(deps, id, to, about)
    const where = { ...(ip !== undefined && { ip }), ...withProof(proof === 'overridden') }
    const data = { customerId: customer.id, operation, ...sealed, ...where, changedAt: changedAt.toISOString() }
    return { ...newEvent(NotifyFactorsChanged, id, data), reportLink, ...notificationTo(to, about, 'factors_changed') }
  })

/** Notifies every address that a restore with one proof waits, with a link to veto it; or that it was vetoed. */
export const restoreWaitingNotifications = (
  deps: NotificationDeps,
  { customer, addresses }: Notified,
  about: { notice: WaitingRestoreNotice; changeId: number; ip: string; openedAt: Date; endsAt: Date },
): Promise<NewEvent[]> =>
  toEachAddress(deps, addresses, async (id, to) => {
    const { notice, changeId, ip, openedAt, endsAt } = about
    const recipient = await sealRecipient(deps, id, to, { customer })
    const times = { openedAt: openedAt.toISOString(), endsAt: endsAt.toISOString() }
    const common = { customerId: customer.id, notice, recipient, ip, ...times }
    const message = notificationTo(to, { customer }, 'restore_waiting')
    if (notice === 'vetoed') return { ...newEvent(NotifyRestoreWaiting, id, common), ...message }
    const { channel } = toRecipient(to, customer)
    const { url, stored } = makeReportLink(deps, { customerId: customer.id, changeId, channel }, 'v')
    const vetoLink = await seal(deps.keys.address, id, url)
    return { ...newEvent(NotifyRestoreWaiting, id, { ...common, vetoLink }), reportLink: stored, ...message }
  })
