import { FactorsReset, RekeyError } from '@rekey/contracts'
import type { Logger } from '@rekey/platform/logger'
import { type LockedCustomer, lockCustomer } from '../customers/lock.ts'
import type { Database, Transaction } from '../database.ts'
import { notifiedAddresses, writeFactorKinds } from '../factors/factors.store.ts'
import { appendChange } from '../history/history.store.ts'
import { factorsChangedNotifications, type NotificationDeps } from '../notifications/notifications.ts'
import { newEvent } from '../outbox/event.ts'
import { addEvents } from '../outbox/outbox.store.ts'
import type { PasswordMetrics } from '../passwords/password-metrics.ts'
import { judgeAct, type ProofRule } from '../staff/customer-proof.ts'
import type { ApprovalDecision } from '../staff/decide-approval.ts'
import { type Mandate, staffForEvent, staffForLog, staffForRecord } from '../staff/staff.ts'
import { unknownCustomer } from './reset-password.ts'

export interface ResetFactorsDeps extends NotificationDeps, ProofRule {
  database: Database
  /** Length of a hold. */
  holdMs: number
  /** Least length of the hold that a reset of factors begins, whatever `holdMs` is. */
  factorResetWaitMs: number
  /** How long a removed address is told of changes. */
  newAddressMs: number
  passwordMetrics: PasswordMetrics
  log: Logger
}

/** Neither person has judged a factor that was enrolled after the request. @throws RekeyError already_decided */
const assertNoneAdded = async (tx: Transaction, customerId: number, { requestedAt }: ApprovalDecision) => {
  const added = await tx.factor.findFirst({ where: { customerId, confirmedAt: { gt: requestedAt } } })
  if (!added) return
  const detail = 'A second factor was added after this request. Request it again.'
  throw new RekeyError('already_decided', { detail })
}

/** A password over any channel began no hold here: the channel of an earlier one counts only while its own hold lasts (S44). */
const beginHold = async (tx: Transaction, { id, holdUntil }: LockedCustomer, until: Date, at: Date): Promise<void> => {
  const isHeld = holdUntil !== null && holdUntil > at
  await tx.customer.update({ where: { id }, data: { holdUntil: until, ...(!isHeld && { passwordChannel: null }) } })
}

/**
 * Removes all factors of a customer who lost them (C7), and begins a recovery hold: whoever talked the staff into it gains
 * time only, and every address is told. Without factors it does nothing.
 *
 * @throws RekeyError not_found, customer_not_verified, already_decided, unavailable
 */
export const resetFactors = async (
  deps: ResetFactorsDeps,
  customerId: number,
  by: Mandate,
  approval?: ApprovalDecision,
): Promise<void> => {
  const { database, now, random, log } = deps
  const reset = await database.transaction(async (tx) => {
    const at = now()
    const customer = await lockCustomer(tx, customerId)
    if (!customer) throw unknownCustomer()
    const proof = await judgeAct(tx, deps, { customerId, by, approval, at })
    if (approval) await assertNoneAdded(tx, customerId, approval)
    const where = { customerId, confirmedAt: { not: null } }
    const factors = await tx.factor.findMany({ where, select: { id: true }, orderBy: { id: 'asc' } })
    if (factors.length === 0) return undefined
    await tx.factor.deleteMany({ where: { customerId } })
    await writeFactorKinds(tx, customerId)
    const holdMs = Math.max(deps.holdMs, deps.factorResetWaitMs)
    const holdUntil = new Date(Math.max(at.getTime() + holdMs, customer.holdUntil?.getTime() ?? 0))
    await beginHold(tx, customer, holdUntil, at)
    const change = await appendChange(tx, {
      ...staffForRecord(by),
      customerId,
      operation: 'reset_factors' as const,
      createTime: at,
      holdUntil,
    })
    const addresses = await notifiedAddresses(tx, customerId, new Date(at.getTime() - deps.newAddressMs))
    const record = { changeId: change.id, digest: change.digest, holdUntil: holdUntil.toISOString() }
    const factorIds = factors.map(({ id }) => id)
    const data = { customer: customer.code, customerId, ...staffForEvent(by), ...record, factorIds }
    await addEvents(tx, customer.code, change.createTime, [
      newEvent(FactorsReset, random.id(), data),
      ...(await factorsChangedNotifications(
        deps,
        { customer, addresses },
        { operation: 'reset', changeId: change.id, changedAt: at, proof },
      )),
    ])
    return { customer: customer.code, heldUntil: holdUntil }
  })
  if (!reset) return
  deps.passwordMetrics.holdStarted('factors_reset')
  log.event('authn_factors_reset', { ...reset, ...staffForLog(by) })
}
