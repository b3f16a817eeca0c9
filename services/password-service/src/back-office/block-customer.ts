import { CustomerBlocked } from '@rekey/contracts'
import type { Logger } from '@rekey/platform/logger'
import { block } from '../customers/block.ts'
import { confirmedAddresses } from '../customers/confirmed-addresses.ts'
import { lockCustomer } from '../customers/lock.ts'
import type { Database } from '../database.ts'
import { appendChange } from '../history/history.store.ts'
import { type NotificationDeps, protectionChangedNotifications } from '../notifications/notifications.ts'
import { newEvent } from '../outbox/event.ts'
import { addEvents } from '../outbox/outbox.store.ts'
import { type Mandate, staffForEvent, staffForLog, staffForRecord } from '../staff/staff.ts'
import type { WaitingRestoresFeature } from '../waiting-restores/waiting-restores.feature.ts'
import { unknownCustomer } from './reset-password.ts'

interface Deps extends NotificationDeps {
  database: Database
  waitingRestores: Pick<WaitingRestoresFeature, 'veto'>
  log: Logger
}

/**
 * Blocks a customer (B11): no sign-in, no restore, and every session ends. A restore that waits is vetoed. A customer who is blocked already is recorded
 * again, with the new reason, but not notified again.
 *
 * @throws RekeyError not_found, unavailable
 */
export const blockCustomer = async (deps: Deps, customerId: number, by: Mandate): Promise<void> => {
  const { database, now, random, log } = deps
  const { vetoed, ...blocked } = await database.transaction(async (tx) => {
    const at = now()
    const customer = await lockCustomer(tx, customerId)
    if (!customer) throw unknownCustomer()
    const { code, blocked: wasBlocked } = customer
    const sessionEpoch = await block(tx, customerId, at)
    const change = await appendChange(tx, {
      ...staffForRecord(by),
      customerId,
      operation: 'block' as const,
      createTime: at,
    })
    const addresses = wasBlocked ? [] : await confirmedAddresses(tx, customerId)
    const record = { changeId: change.id, digest: change.digest }
    const data = { customer: code, customerId, ...staffForEvent(by), ...record, sessionEpoch }
    const vetoed = await deps.waitingRestores.veto(tx, customer, 'block')
    await addEvents(tx, code, at, [
      newEvent(CustomerBlocked, random.id(), data),
      ...(await protectionChangedNotifications(deps, { customer, addresses, change })),
      ...(vetoed?.events ?? []),
    ])
    return { customer: code, wasBlocked, vetoed }
  })
  vetoed?.report()
  log.event('authn_customer_blocked', { ...blocked, ...staffForLog(by) })
}
