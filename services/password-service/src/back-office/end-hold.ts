import { HoldEnded } from '@rekey/contracts'
import type { Now } from '@rekey/platform/clock'
import type { Logger } from '@rekey/platform/logger'
import type { Random } from '@rekey/platform/random'
import { lockCustomer } from '../customers/lock.ts'
import type { Database, Transaction } from '../database.ts'
import { newEvent } from '../outbox/event.ts'
import { addEvents } from '../outbox/outbox.store.ts'
import { type Staff, staffForEvent, staffForLog } from '../staff/staff.ts'
import { unknownCustomer } from './reset-password.ts'

interface Deps {
  database: Database
  now: Now
  random: Random
  log: Logger
}

const clearHold = async (tx: Transaction, customerId: number): Promise<void> => {
  await tx.customer.update({ where: { id: customerId }, data: { holdUntil: null } })
}

/** Ends a customer's recovery hold early; without one it does nothing. @throws RekeyError not_found, unavailable */
export const endHold = async ({ database, now, random, log }: Deps, customerId: number, by: Staff): Promise<void> => {
  const ended = await database.transaction(async (tx) => {
    const at = now()
    const customer = await lockCustomer(tx, customerId)
    if (!customer) throw unknownCustomer()
    const { code, holdUntil } = customer
    if (!holdUntil || holdUntil <= at) return undefined
    await clearHold(tx, customerId)
    const data = { customer: code, customerId, ...staffForEvent(by), heldUntil: holdUntil.toISOString() }
    await addEvents(tx, code, at, [newEvent(HoldEnded, random.id(), data)])
    return { customer: code, heldUntil: holdUntil }
  })
  if (ended) log.info({ event: 'recovery_hold_ended', ...ended, ...staffForLog(by) }, 'recovery hold ended early')
}
