import { SessionsEnded } from '@rekey/contracts'
import type { Logger } from '@rekey/platform/logger'
import { confirmedAddresses } from '../customers/confirmed-addresses.ts'
import { lockCustomer } from '../customers/lock.ts'
import type { Database } from '../database.ts'
import { appendChange } from '../history/history.store.ts'
import { type NotificationDeps, protectionChangedNotifications } from '../notifications/notifications.ts'
import { newEvent } from '../outbox/event.ts'
import { addEvents } from '../outbox/outbox.store.ts'
import { endSessions } from '../sessions/sessions.store.ts'
import { type Mandate, staffForEvent, staffForLog, staffForRecord } from '../staff/staff.ts'
import { unknownCustomer } from './reset-password.ts'

interface Deps extends NotificationDeps {
  database: Database
  log: Logger
}

/**
 * Ends all sessions of a customer (B12), who may sign in again at once. Recorded and notified also if there was none: the
 * gateway alone has the list.
 *
 * @throws RekeyError not_found, unavailable
 */
export const endClientSessions = async (deps: Deps, customerId: number, by: Mandate): Promise<void> => {
  const { database, now, random, log } = deps
  const customer = await database.transaction(async (tx) => {
    const at = now()
    const customer = await lockCustomer(tx, customerId)
    if (!customer) throw unknownCustomer()
    const change = await appendChange(tx, {
      ...staffForRecord(by),
      customerId,
      operation: 'end_sessions' as const,
      createTime: at,
    })
    const sessionEpoch = await endSessions(tx, customerId, { at: change.createTime })
    const addresses = await confirmedAddresses(tx, customerId)
    const record = { changeId: change.id, digest: change.digest }
    const data = { customer: customer.code, customerId, ...staffForEvent(by), ...record, sessionEpoch }
    await addEvents(tx, customer.code, change.createTime, [
      newEvent(SessionsEnded, random.id(), data),
      ...(await protectionChangedNotifications(deps, { customer, addresses, change })),
    ])
    return customer.code
  })
  log.event('authn_sessions_ended', { customer, ...staffForLog(by) }, 'the back office ended all sessions')
}
