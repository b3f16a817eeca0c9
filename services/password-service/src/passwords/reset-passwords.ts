import { confirmedAddressesOfMany } from '../customers/confirmed-addresses.ts'
import type { LockedCustomer } from '../customers/lock.ts'
import { endRestores } from '../customers/restore-requests.ts'
import type { Transaction } from '../database.ts'
import { appendChanges } from '../history/history.store.ts'
import type { NotificationDeps } from '../notifications/notifications.ts'
import { addEventsOfMany } from '../outbox/outbox.store.ts'
import { endSessionsOfMany } from '../sessions/sessions.store.ts'
import { type Mandate, staffForRecord } from '../staff/staff.ts'
import { resetEvents } from './password-events.ts'

interface Reset {
  by: Mandate
  /** The job that the reset is part of. */
  jobId?: string
  /** True if the staff had not verified the customer, who is told so. */
  unverified?: boolean
}

/**
 * Resets the passwords of locked customers (B9): their sessions and restores end, and the next sign-in requires a new
 * password. A customer without a password is only signed out. Each step is one statement for all customers.
 */
export const resetPasswords = async (
  tx: Transaction,
  deps: NotificationDeps,
  customers: LockedCustomer[],
  { by, jobId, unverified = false }: Reset,
): Promise<void> => {
  const ids = customers.map(({ id }) => id)
  const at = deps.now()
  await endRestores(tx, ids)
  await tx.$executeRaw`UPDATE credential SET must_change = true, updated_at = ${at} WHERE customer_id = ANY(${ids})`
  const epochs = await endSessionsOfMany(tx, ids, at)
  const changes = await appendChanges(
    tx,
    ids.map((customerId) => ({
      customerId,
      ...staffForRecord(by),
      operation: 'reset' as const,
      createTime: at,
    })),
  )
  const addresses = await confirmedAddressesOfMany(tx, ids)
  const events = await Promise.all(
    customers.map(async (customer, index) => {
      const change = changes[index]
      const sessionEpoch = epochs.get(customer.id)
      if (!change || sessionEpoch === undefined) throw new Error('a locked customer is gone')
      const { approvedBy } = by
      const about = {
        customer,
        change,
        addresses: addresses.get(customer.id) ?? [],
        sessionEpoch,
        approvedBy,
        jobId,
        unverified,
      }
      return { subject: customer.code, events: await resetEvents(deps, about) }
    }),
  )
  await addEventsOfMany(tx, at, events)
}
