import type { Address, MessagePurpose } from '@rekey/contracts'
import type { Now } from '@rekey/platform/clock'
import type { Logger } from '@rekey/platform/logger'
import { confirmedAddresses } from '../customers/confirmed-addresses.ts'
import { lockCustomer } from '../customers/lock.ts'
import type { Database, Transaction } from '../database.ts'
import { Prisma } from '../generated/prisma/client.ts'
import { askedWhileBlockedNotifications, type NotificationDeps } from '../notifications/notifications.ts'
import { addEvents } from '../outbox/outbox.store.ts'

interface Deps extends NotificationDeps {
  database: Database
  now: Now
  log: Logger
}

/** Strangers can ask for a customer's code: a blocked customer gets this notification once in this time. */
const onceInMs = 24 * 3_600_000

const purpose: MessagePurpose = 'asked_while_blocked'

/** SQL condition: the customer `c` is blocked and was not notified since `now` less `onceInMs`. The log of messages says so (B13). */
const isDue = (now: Date) => Prisma.sql`
  c.status = 'blocked' AND NOT EXISTS (
    SELECT FROM message
    WHERE customer_id = c.id AND asked_at > ${new Date(now.getTime() - onceInMs)}::timestamptz AND purpose = ${purpose}
  )`

/**
 * Notifies the blocked customers who have confirmed these addresses that a code was asked for, that none is sent, and whom
 * to call; once a day, at each confirmed address. Addresses of active customers and of nobody cost the same statement,
 * which finds nothing (S12). Safe to repeat.
 *
 * @throws RekeyError unavailable
 */
export const notifyBlocked = async (deps: Deps, addresses: Address[]): Promise<void> => {
  const { database, now, log } = deps
  const asked = JSON.stringify(addresses)
  const due = await database.query(
    (prisma) => prisma.$queryRaw<{ id: number }[]>`
      SELECT DISTINCT c.id
      FROM jsonb_to_recordset(${asked}::jsonb) AS a(kind identifier_kind, value text)
      JOIN identifier i ON i.value = a.value AND i.kind = a.kind AND i.verified_at IS NOT NULL
      JOIN customer c ON c.id = i.customer_id
      WHERE ${isDue(now())}`,
  )
  for (const { id } of due) {
    const customer = await database.transaction((tx) => notifyCustomer(tx, deps, id))
    if (customer !== undefined) {
      log.info({ event: 'blocked_customer_notified', customer }, 'notified a blocked customer who asked for a code')
    }
  }
}

/** @returns the customer's code; undefined if another request notified it, or the block was lifted */
const notifyCustomer = async (tx: Transaction, deps: Deps, id: number): Promise<string | undefined> => {
  const at = deps.now()
  const customer = await lockCustomer(tx, id)
  if (!customer) return undefined
  const stillDue = await tx.$queryRaw<unknown[]>`SELECT 1 FROM customer c WHERE c.id = ${id} AND ${isDue(at)}`
  if (stillDue.length === 0) return undefined
  const addresses = await confirmedAddresses(tx, id)
  await addEvents(tx, customer.code, at, await askedWhileBlockedNotifications(deps, { customer, addresses }, at))
  return customer.code
}
