import { RekeyError } from '@rekey/contracts'
import { type AllowanceSize, Quota, readQuota } from '@rekey/platform/quota'
import type { AnyTransaction } from '../statements.ts'
import { countedMs, countUsed } from './verifications.store.ts'

/** Variables of the quotas of verifications. */
export const verificationLimits = {
  REKEY_LIMIT_VERIFICATION_CUSTOMER: Quota(
    '5/1h',
    'Verifications by the help desk (C8) that may begin for one customer, who gets a message for each.',
  ),
  REKEY_LIMIT_VERIFICATION_STAFF: Quota(
    '60/1h',
    'Verifications that one member of staff may begin; a client of many agents counts as one member.',
  ),
}

/** Wrong codes of one customer within a day, over all verifications. Then only a second person can stand in. */
export const mostFailuresADay = 10

export interface Quotas {
  customer: AllowanceSize
  staff: AllowanceSize
}

type Settings = Record<keyof typeof verificationLimits, string>

/** @param scale for load tests: multiplies both */
export const readQuotas = (settings: Settings, scale: number): Quotas => ({
  customer: readQuota(settings.REKEY_LIMIT_VERIFICATION_CUSTOMER, scale),
  staff: readQuota(settings.REKEY_LIMIT_VERIFICATION_STAFF, scale),
})

const limited = (name: string, { allowance, windowMs }: AllowanceSize, detail: string) =>
  new RekeyError('too_many_requests', {
    detail,
    retryAfterSeconds: Math.ceil(windowMs / 1_000),
    allowance,
    policy: { name, windowSeconds: Math.ceil(windowMs / 1_000) },
  })

const tooManyWrong = () =>
  limited(
    'wrong-codes',
    { allowance: mostFailuresADay, windowMs: countedMs },
    'Too many wrong codes of this customer today. State a reason for the act: a second person must approve it.',
  )

/** @throws RekeyError too_many_requests */
export const assertWithinQuotas = async (
  tx: AnyTransaction,
  { customer, staff }: Quotas,
  { customerId, by, at }: { customerId: number; by: string; at: Date },
): Promise<void> => {
  const before = (ms: number) => new Date(at.getTime() - ms)
  const since = { ofCustomer: before(customer.windowMs), ofStaff: before(staff.windowMs), failures: before(countedMs) }
  const used = await countUsed(tx, customerId, by, since)
  if (used.failures >= mostFailuresADay) throw tooManyWrong()
  if (used.ofCustomer >= customer.allowance) {
    throw limited('verifications-of-customer', customer, 'Too many verifications of this customer. Try again later.')
  }
  if (used.ofStaff >= staff.allowance) {
    throw limited('verifications-by-staff', staff, 'Too many verifications by you. Try again later.')
  }
}

/** @throws RekeyError too_many_requests: too many codes of the customer were wrong within a day */
export const assertFewFailures = async (
  tx: AnyTransaction,
  { customerId, by, at }: { customerId: number; by: string; at: Date },
): Promise<void> => {
  const { failures } = await countUsed(tx, customerId, by, {
    ofCustomer: at,
    ofStaff: at,
    failures: new Date(at.getTime() - countedMs),
  })
  if (failures >= mostFailuresADay) throw tooManyWrong()
}
