import { HoldEnded } from '@rekey/contracts'
import type { Logger } from '@rekey/platform/logger'
import { confirmedAddresses } from '../customers/confirmed-addresses.ts'
import { lockCustomer } from '../customers/lock.ts'
import type { Database, Transaction } from '../database.ts'
import { appendChange } from '../history/history.store.ts'
import { type NotificationDeps, protectionChangedNotifications } from '../notifications/notifications.ts'
import { newEvent } from '../outbox/event.ts'
import { addEvents } from '../outbox/outbox.store.ts'
import { judgeAct, type ProofRule } from '../staff/customer-proof.ts'
import type { ApprovalDecision } from '../staff/decide-approval.ts'
import { type Mandate, staffForEvent, staffForLog, staffForRecord } from '../staff/staff.ts'
import { assertNoneSince } from './none-since.ts'
import { unknownCustomer } from './reset-password.ts'

interface Deps extends NotificationDeps, ProofRule {
  database: Database
  log: Logger
}

const clearHold = async (tx: Transaction, customerId: number): Promise<void> => {
  await tx.customer.update({ where: { id: customerId }, data: { holdUntil: null } })
}

/**
 * Ends a customer's recovery hold early; without one it does nothing.
 *
 * @throws RekeyError not_found, customer_not_verified, already_decided, unavailable
 */
export const endHold = async (
  deps: Deps,
  customerId: number,
  by: Mandate,
  approval?: ApprovalDecision,
): Promise<void> => {
  const { database, now, random, log } = deps
  const ended = await database.transaction(async (tx) => {
    const at = now()
    const customer = await lockCustomer(tx, customerId)
    if (!customer) throw unknownCustomer()
    const proof = await judgeAct(tx, deps, { customerId, by, approval, at })
    if (approval) await assertNoneSince(tx, 'hold', customerId, approval)
    const { code, holdUntil } = customer
    if (!holdUntil || holdUntil <= at) return undefined
    await clearHold(tx, customerId)
    const change = await appendChange(tx, {
      ...staffForRecord(by),
      customerId,
      operation: 'end_hold' as const,
      createTime: at,
    })
    const addresses = await confirmedAddresses(tx, customerId)
    const record = { changeId: change.id, digest: change.digest }
    const data = { customer: code, customerId, ...staffForEvent(by), ...record, heldUntil: holdUntil.toISOString() }
    await addEvents(tx, code, at, [
      newEvent(HoldEnded, random.id(), data),
      ...(await protectionChangedNotifications(deps, { customer, addresses, change }, proof)),
    ])
    return { customer: code, heldUntil: holdUntil }
  })
  if (ended) log.event('recovery_hold_ended', { ...ended, ...staffForLog(by) })
}
