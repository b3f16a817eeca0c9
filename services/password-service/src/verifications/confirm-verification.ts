import { CustomerVerified, noSuchResource, RekeyError, type VerificationChannel } from '@rekey/contracts'
import type { Now } from '@rekey/platform/clock'
import type { Keys } from '@rekey/platform/keys'
import type { Random } from '@rekey/platform/random'
import { lockCustomer } from '../customers/lock.ts'
import type { Database } from '../database.ts'
import { appendChange } from '../history/history.store.ts'
import { recordFailedAttempt } from '../lockout/failed-attempts.store.ts'
import type { LockoutFeature } from '../lockout/lockout.feature.ts'
import { newEvent } from '../outbox/event.ts'
import { addEvents } from '../outbox/outbox.store.ts'
import { verifiedMs } from '../staff/customer-proof.ts'
import { type Staff, staffForEvent, staffForRecord } from '../staff/staff.ts'
import { assertFewFailures } from './quotas.ts'
import { isRightCode } from './secret.ts'
import { type Attempt, countAttempt, endByRightCode, failuresOf, mostFailures } from './verifications.store.ts'

/** A code of an authenticator app, to be verified and used up. */
interface TotpCode {
  customer: string
  code: string
  verificationId: string
  /** Apps that were confirmed later are young: their codes do not count. */
  confirmedBefore: Date
}

export interface ConfirmDeps {
  database: Database
  keys: { verification: Keys }
  /** How long a factor that a customer gained is young. */
  newAddressMs: number
  verifyTotp(code: TotpCode): Promise<boolean>
  /** Counts wrong codes as failed attempts of the customer's restore: one lockout for all methods (S6). */
  lockout: Pick<LockoutFeature, 'count'>
  now: Now
  random: Random
}

interface Confirmation {
  verificationId: string
  code: string | number
  by: Staff
}

/** A verification of this customer by this member of staff, whose code may be compared. */
interface Taken extends Attempt {
  customer: string
}

/** How a code was refused. */
export class CodeRefused extends Error {
  readonly reason: 'wrong' | 'ended' | 'attempts'
  readonly customer: string
  readonly method: VerificationChannel | undefined
  constructor(reason: CodeRefused['reason'], customer: string, method?: VerificationChannel) {
    super(reason)
    this.reason = reason
    this.customer = customer
    this.method = method
  }
}

/** Counts the attempt before its code is compared. */
const takeAttempt = (
  { database, now }: ConfirmDeps,
  customerId: number,
  { verificationId, by }: Confirmation,
): Promise<Taken | CodeRefused> =>
  database.transaction(async (tx) => {
    const at = now()
    const customer = await lockCustomer(tx, customerId)
    if (!customer) throw noSuchResource('clientId')
    const named = [verificationId, customerId, by.id] as [string, number, string]
    const failures = await failuresOf(tx, named)
    // Another member's is not found either: it would count for nobody here.
    if (failures === undefined) throw noSuchResource('verificationId')
    await assertFewFailures(tx, { customerId, by: by.id, at })
    const attempt = await countAttempt(tx, named, at)
    if (attempt) return { ...attempt, customer: customer.code }
    return new CodeRefused(failures >= mostFailures ? 'attempts' : 'ended', customer.code)
  })

const isRight = async (
  { keys, newAddressMs, verifyTotp, now }: ConfirmDeps,
  { verificationId, code }: Confirmation,
  { method, codeHmac, customer }: Taken,
): Promise<boolean> => {
  if (method !== 'otp') return codeHmac !== null && isRightCode(keys.verification, verificationId, code, codeHmac)
  const confirmedBefore = new Date(now().getTime() - newAddressMs)
  return verifyTotp({ customer, code: String(code), verificationId, confirmedBefore })
}

/**
 * C9: ends a verification by its right code, once: of two at a time one succeeds. It is in the history, published, and
 * counts for this member of staff alone.
 *
 * @throws CodeRefused
 * @throws RekeyError not_found, too_many_requests, unavailable
 */
export const confirmVerification = async (
  deps: ConfirmDeps,
  customerId: number,
  confirmation: Confirmation,
): Promise<{ customer: string; method: VerificationChannel }> => {
  const { database, lockout, now, random } = deps
  const { verificationId, by } = confirmation
  const taken = await takeAttempt(deps, customerId, confirmation)
  if (taken instanceof CodeRefused) throw taken
  const { customer, method } = taken
  if (!(await isRight(deps, confirmation, taken))) {
    await recordFailedAttempt(database, { challengeId: verificationId, attempt: taken.failures, failedAt: now() })
    await lockout.count(verificationId, { customer })
    throw new CodeRefused('wrong', customer, method)
  }
  const isVerified = await database.transaction(async (tx) => {
    const at = now()
    const locked = await lockCustomer(tx, customerId)
    if (!locked) throw noSuchResource('clientId')
    if (!(await endByRightCode(tx, verificationId, at))) return false
    const reason = by.reason ?? taken.reason ?? undefined
    const change = await appendChange(tx, {
      ...staffForRecord({ ...by, reason }),
      customerId,
      operation: 'verify' as const,
      createTime: at,
    })
    const data = {
      customer: locked.code,
      customerId,
      verificationId,
      method,
      ...staffForEvent(by),
      changeId: change.id,
      digest: change.digest,
      verifiedUntil: new Date(at.getTime() + verifiedMs).toISOString(),
    }
    await addEvents(tx, locked.code, at, [newEvent(CustomerVerified, random.id(), data)])
    return true
  })
  if (!isVerified) throw new CodeRefused('ended', customer, method)
  return { customer, method }
}

/** The answer to a refused code. */
export const toAnswer = ({ reason }: CodeRefused): RekeyError =>
  reason === 'attempts'
    ? new RekeyError('access_denied', { detail: 'Too many wrong codes. Begin another verification.' })
    : new RekeyError('invalid_grant')
