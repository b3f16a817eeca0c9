import { BlockLifted } from '@rekey/contracts'
import type { Keys } from '@rekey/platform/keys'
import type { Logger } from '@rekey/platform/logger'
import { seal } from '@rekey/platform/seal'
import { confirmedAddresses } from '../customers/confirmed-addresses.ts'
import { type LockedCustomer, lockCustomer } from '../customers/lock.ts'
import type { Database, Transaction } from '../database.ts'
import type { ChainedChange } from '../history/digest.ts'
import { appendChange } from '../history/history.store.ts'
import { resetFailedAttempts } from '../lockout/failed-attempts.store.ts'
import { type NotificationDeps, protectionChangedNotifications } from '../notifications/notifications.ts'
import { newEvent } from '../outbox/event.ts'
import { addEvents } from '../outbox/outbox.store.ts'
import { judgeAct, type ProofRule } from '../staff/customer-proof.ts'
import type { ApprovalDecision } from '../staff/decide-approval.ts'
import { type Mandate, staffForEvent, staffForLog, staffForRecord } from '../staff/staff.ts'
import { assertNoneSince } from './none-since.ts'
import { unknownCustomer } from './reset-password.ts'

export interface LiftBlockDeps extends NotificationDeps, ProofRule {
  database: Database
  keys: NotificationDeps['keys'] & {
    /** Seals usernames for the gateway. */
    username: Keys
  }
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
  { keys, random }: LiftBlockDeps,
  customer: LockedCustomer,
  change: ChainedChange,
  { by, usernames }: { by: Mandate; usernames: string[] },
) => {
  const id = random.id()
  const sealed = await Promise.all(usernames.map((username) => seal(keys.username, id, username)))
  return newEvent(BlockLifted, id, {
    customer: customer.code,
    customerId: customer.id,
    ...staffForEvent(by),
    changeId: change.id,
    digest: change.digest,
    usernames: sealed,
  })
}

/**
 * Lets a customer sign in and restore again: ends the block, and the lockouts here and, by the event, at the gateway,
 * which counts for each username. Recorded, notified and published even if neither was active here.
 *
 * @throws RekeyError not_found, customer_not_verified, already_decided, unavailable
 */
export const liftBlock = async (
  deps: LiftBlockDeps,
  customerId: number,
  by: Mandate,
  approval?: ApprovalDecision,
): Promise<void> => {
  const { database, now, log } = deps
  const lifted = await database.transaction(async (tx) => {
    const at = now()
    const customer = await lockCustomer(tx, customerId)
    if (!customer) throw unknownCustomer()
    const proof = await judgeAct(tx, deps, { customerId, by, approval, at })
    if (approval) await assertNoneSince(tx, 'block', customerId, approval)
    await unblock(tx, customerId)
    const failures = await resetFailedAttempts(tx, customerId, at)
    const usernames = await usernamesOf(tx, customerId)
    const change = await appendChange(tx, {
      ...staffForRecord(by),
      customerId,
      operation: 'lift_block' as const,
      createTime: at,
    })
    const addresses = await confirmedAddresses(tx, customerId)
    await addEvents(tx, customer.code, at, [
      await blockLifted(deps, customer, change, { by, usernames }),
      ...(await protectionChangedNotifications(deps, { customer, addresses, change }, proof)),
    ])
    return { customer: customer.code, wasBlocked: customer.blocked, failures }
  })
  log.event('authn_block_lifted', { ...lifted, ...staffForLog(by) })
}
