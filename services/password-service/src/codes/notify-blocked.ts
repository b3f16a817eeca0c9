import type { MessagePurpose } from '@rekey/contracts'
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

/** Requests before it do not count as notified. */
export const notifiedSince = (at: Date): Date => new Date(at.getTime() - onceInMs)

/** SQL condition: the customer `c` is blocked and was not notified since the time. The log of messages says so (B13). */
export const isDue = (since: Prisma.Sql) => Prisma.sql`
  (c.status = 'blocked' AND NOT EXISTS (
    SELECT FROM message WHERE customer_id = c.id AND asked_at > ${since} AND purpose = ${Prisma.raw(`'${purpose}'`)}
  ))`

/**
 * Notifies a blocked customer that a code was asked for, that none is sent, and whom to call; once a day, at each
 * confirmed address. Safe to repeat.
 *
 * @throws RekeyError unavailable
 */
export const notifyBlocked = async (deps: Deps, customerId: number): Promise<void> => {
  const customer = await deps.database.transaction((tx) => notifyCustomer(tx, deps, customerId))
  if (customer === undefined) return
  deps.log.event('blocked_customer_notified', { customer })
}

/** @returns the customer's code; undefined if another request notified it, or the block was lifted */
const notifyCustomer = async (tx: Transaction, deps: Deps, id: number): Promise<string | undefined> => {
  const at = deps.now()
  const customer = await lockCustomer(tx, id)
  if (!customer) return undefined
  const since = Prisma.sql`${notifiedSince(at)}::timestamptz`
  const stillDue = await tx.$queryRaw<unknown[]>`SELECT 1 FROM customer c WHERE c.id = ${id} AND ${isDue(since)}`
  if (stillDue.length === 0) return undefined
  const addresses = await confirmedAddresses(tx, id)
  await addEvents(tx, customer.code, at, await askedWhileBlockedNotifications(deps, { customer, addresses }, at))
  return customer.code
}
