import { BlockLifted } from '@rekey/contracts'
import type { Now } from '@rekey/platform/clock'
import type { Keys } from '@rekey/platform/keys'
import type { Logger } from '@rekey/platform/logger'
import type { Random } from '@rekey/platform/random'
import { seal } from '@rekey/platform/seal'
import { lockCustomer } from '../customers/lock.ts'
import type { Database, Transaction } from '../database.ts'
import { resetFailedAttempts } from '../lockout/failed-attempts.store.ts'
import { newEvent } from '../outbox/event.ts'
import { addEvents } from '../outbox/outbox.store.ts'
import { type Staff, staffForEvent, staffForLog } from '../staff/staff.ts'
import { unknownCustomer } from './reset-password.ts'

interface Deps {
  database: Database
  /** Seals usernames for the gateway. */
  keys: { username: Keys }
  now: Now
  random: Random
  log: Logger
}

const unblock = async (tx: Transaction, customerId: number): Promise<void> => {
  await tx.customer.update({ where: { id: customerId }, data: { status: 'active' } })
}

const usernamesOf = async (tx: Transaction, customerId: number): Promise<string[]> => {
  const identifiers = await tx.identifier.findMany({ where: { customerId }, orderBy: { id: 'asc' } })
  return identifiers.map(({ value }) => value)
}

const blockLifted = async (
  { keys, random }: Deps,
  { customer, customerId, by, usernames }: { customer: string; customerId: number; by: Staff; usernames: string[] },
) => {
  const id = random.id()
  const sealed = await Promise.all(usernames.map((username) => seal(keys.username, id, username)))
  return newEvent(BlockLifted, id, { customer, customerId, ...staffForEvent(by), usernames: sealed })
}

/**
 * Lets a customer sign in and restore again: ends the block of a compromise report, and the lockouts here and, by the
 * event, at the gateway, which counts for each username. The event is published even if neither was active here.
 *
 * @throws RekeyError not_found, unavailable
 */
export const liftBlock = async (deps: Deps, customerId: number, by: Staff): Promise<void> => {
  const { database, now, log } = deps
  const lifted = await database.transaction(async (tx) => {
    const at = now()
    const customer = await lockCustomer(tx, customerId)
    if (!customer) throw unknownCustomer()
    await unblock(tx, customerId)
    const failures = await resetFailedAttempts(tx, customerId, at)
    const usernames = await usernamesOf(tx, customerId)
    const event = await blockLifted(deps, { customer: customer.code, customerId, by, usernames })
    await addEvents(tx, customer.code, at, [event])
    return { customer: customer.code, wasBlocked: customer.blocked, failures }
  })
  log.info(
    { event: 'authn_block_lifted', ...lifted, ...staffForLog(by) },
    'block and lockout lifted: the customer can sign in and restore',
  )
}
