import {
  type EnrolTotpAnswer,
  type FactorOperation,
  maskAddress,
  mostTotps,
  noSuchResource,
  RekeyError,
} from '@rekey/contracts'
import type { Keys } from '@rekey/platform/keys'
import QRCode from 'qrcode'
import { confirmedAddresses } from '../customers/confirmed-addresses.ts'
import type { Database, Transaction } from '../database.ts'
import { openSecret, sealSecret } from '../factor-secrets/factor-secret.ts'
import {
  matchingSteps,
  newTotp,
  stepAt,
  stepsToConfirm,
  type Totp,
  totpUri,
  usualPeriodSeconds,
} from '../factor-secrets/totp.ts'
import { addFactorEvents, type FactorEventDeps } from './factor-events.ts'
import { assertUnspent, type FactorRequest, lockForChange, spendGrant } from './factor-grant.ts'
import { enrolmentMs, writeFactorKinds } from './factors.store.ts'

export interface FactorDeps extends FactorEventDeps {
  database: Database
  keys: FactorEventDeps['keys'] & { factor: Keys }
  /** Name of the platform, which authenticator apps show. */
  brand: string
}

const assertRoom = async (tx: Transaction, customerId: number): Promise<void> => {
  const count = await tx.factor.count({ where: { customerId, kind: 'totp', confirmedAt: { not: null } } })
  if (count < mostTotps) return
  throw new RekeyError('invalid_request', {
    detail: `The customer has ${mostTotps} authenticator apps: remove one first.`,
  })
}

/**
 * Begins to enrol an authenticator app (C2). An earlier enrolment that was not confirmed ends. The secret is shown in this
 * answer only.
 *
 * @throws RekeyError invalid_token, success_token_refused, invalid_request, unavailable
 */
export const enrolTotp = async (
  { database, keys, now, random, brand }: FactorDeps,
  request: FactorRequest,
  label: string,
): Promise<EnrolTotpAnswer> => {
  const id = random.id()
  const totp = newTotp()
  const account = await database.transaction(async (tx) => {
    const customer = await lockForChange(tx, request)
    await assertUnspent(tx, request.grant)
    await assertRoom(tx, customer.id)
    await tx.factor.deleteMany({ where: { customerId: customer.id, confirmedAt: null } })
    await tx.factor.create({
      data: {
        id,
        customerId: customer.id,
        kind: 'totp',
        label: label.trim(),
        ...sealSecret(keys.factor, { id, customerId: customer.id }, totp),
        createdAt: now(),
      },
    })
    const [address] = await confirmedAddresses(tx, customer.id)
    return address ? maskAddress(address) : customer.code
  })
  const uri = totpUri(totp, brand, account)
  return { id, secret: totp.secret, uri, qr: await QRCode.toString(uri, { type: 'svg', errorCorrectionLevel: 'M' }) }
}

/** The enrolment of a customer with this id. @throws RekeyError not_found */
const findEnrolment = async (tx: Transaction, customerId: number, id: string, at: Date) => {
  const since = new Date(at.getTime() - enrolmentMs)
  const where = { id, customerId, kind: 'totp' as const, confirmedAt: null, createdAt: { gt: since } }
  const found = await tx.factor.findFirst({ where })
  if (!found) throw noSuchResource('factorId')
  return found
}

/** The step of these that is nearest to our clock: by its distance the phone's clock is off. */
const nearest = (steps: number[], step: number): number =>
  steps.reduce((best, one) => (Math.abs(one - step) < Math.abs(best - step) ? one : best))

/**
 * Confirms an authenticator app by its code (C3): it is in force from then on. The code is used up, and what its clock is
 * off by is kept. A wrong code changes nothing and spends nothing.
 *
 * @throws RekeyError invalid_token, success_token_refused, not_found, invalid_grant, unavailable
 */
export const confirmTotp = async (
  deps: FactorDeps,
  request: FactorRequest,
  { factorId, code }: { factorId: string; code: string | number },
): Promise<FactorOperation> => {
  const { database, keys, now } = deps
  return database.transaction(async (tx) => {
    const at = now()
    const customer = await lockForChange(tx, request)
    await assertUnspent(tx, request.grant)
    await assertRoom(tx, customer.id)
    const { sealedSecret } = await findEnrolment(tx, customer.id, factorId, at)
    const totp = await openSecret<Totp>(keys.factor, { id: factorId, customerId: customer.id }, sealedSecret)
    const step = stepAt(at, usualPeriodSeconds)
    const matched = matchingSteps(totp, code, stepsToConfirm(step), usualPeriodSeconds)
    if (matched.length === 0) throw new RekeyError('invalid_grant')
    await spendGrant(tx, request.grant)
    await tx.factor.update({
      where: { id: factorId },
      data: {
        confirmedAt: at,
        lastStep: BigInt(Math.max(...matched)),
        clockOffset: nearest(matched, step) - step,
      },
    })
    await writeFactorKinds(tx, customer.id)
    await addFactorEvents(tx, deps, customer, request, { operation: 'totp_added', factorId, at })
    return 'totp_added' as const
  })
}
