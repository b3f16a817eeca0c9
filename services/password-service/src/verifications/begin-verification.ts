import {
  type BegunVerification,
  formatTime,
  NotifyVerification,
  noSuchResource,
  type VerificationChannel,
} from '@rekey/contracts'
import type { Now } from '@rekey/platform/clock'
import type { Keys } from '@rekey/platform/keys'
import type { Publisher } from '@rekey/platform/publisher'
import type { Random } from '@rekey/platform/random'
import { seal } from '@rekey/platform/seal'
import { lockCustomer } from '../customers/lock.ts'
import type { Database } from '../database.ts'
import { toRecipient } from '../notifications/recipient.ts'
import type { Staff } from '../staff/staff.ts'
import { chooseMethod, offeredMethods } from './methods.ts'
import { assertWithinQuotas, type Quotas } from './quotas.ts'
import { codeHmac, newSecret } from './secret.ts'
import { addVerification, lockStaffMember, methodsOf, removeVerification } from './verifications.store.ts'

export interface BeginDeps {
  database: Database
  publisher: Publisher
  keys: {
    /** Make the HMACs of codes. No other service has them. */
    verification: Keys
    /** Shared with the notifier. */
    address: Keys
  }
  quotas: Quotas
  /** How long an address or a factor that a customer gained is young. */
  newAddressMs: number
  /** False if no message reaches a phone number. */
  smsCodes: boolean
  now: Now
  random: Random
}

/** How long the code of a message, or the request for that of an app, is accepted (ASVS 6.5.5). */
export const codeMs = 10 * 60_000

/**
 * C8: stores a verification within its quotas, and sends the customer its two words and its code. The message goes to the
 * broker without the outbox, as every code: no code, sealed or not, may be stored in Postgres (S9), and it must not wait
 * behind notifications. If the broker does not take it, nothing is left.
 *
 * @throws RekeyError not_found, invalid_request: the customer lacks the method, too_many_requests, unavailable
 */
export const beginVerification = async (
  deps: BeginDeps,
  customerId: number,
  { channel, by }: { channel: VerificationChannel | undefined; by: Staff },
): Promise<BegunVerification & { customer: string }> => {
  const { database, publisher, keys, now, random } = deps
  const id = random.id()
  const begun = await database.transaction(async (tx) => {
    const at = now()
    await lockStaffMember(tx, by.id)
    const customer = await lockCustomer(tx, customerId)
    if (!customer) throw noSuchResource('clientId')
    await assertWithinQuotas(tx, deps.quotas, { customerId, by: by.id, at })
    const methods = await methodsOf(tx, customerId, { at, oldSince: new Date(at.getTime() - deps.newAddressMs) })
    const method = chooseMethod(methods ? offeredMethods(methods, deps) : [], channel)
    const secret = method.to && newSecret(random, customer.locale)
    const expiresAt = new Date(at.getTime() + codeMs)
    const verification = {
      id,
      customerId,
      staff: by.id,
      method: method.channel,
      codeHmac: secret ? codeHmac(keys.verification, id, secret.code) : null,
      reason: by.reason ?? null,
      createdAt: at,
      expiresAt,
    }
    await addVerification(tx, verification, method.to)
    return { customer, method, secret, at, expiresAt }
  })
  const { customer, method, secret, at, expiresAt } = begun
  if (method.to && secret) {
    const data = {
      customerId,
      recipient: await seal(keys.address, id, toRecipient(method.to, customer)),
      secret: await seal(keys.address, id, secret),
      askedAt: at.toISOString(),
      expiresAt: expiresAt.toISOString(),
    }
    try {
      await publisher.publish(NotifyVerification, { id, subject: customer.code, data })
    } catch (error) {
      await removeVerification(database, id)
      throw error
    }
  }
  return {
    customer: customer.code,
    id,
    channel: method.channel,
    ...(secret && { words: secret.words }),
    expiresAt: formatTime(expiresAt),
  }
}
