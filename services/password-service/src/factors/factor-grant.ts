import { RekeyError } from '@rekey/contracts'
import type { TokenClaims } from '@rekey/platform/auth'
import { type LockedCustomer, lockCustomerByCode } from '../customers/lock.ts'
import type { Transaction } from '../database.ts'
import { type Grant, refuseGrant } from '../passwords/grant.ts'
import { isSessionEndedWithin } from '../sessions/sessions.store.ts'

/** A request of a signed-in customer about the own factors, with the grant of a fresh proof (S57). */
export interface FactorRequest {
  bearer: TokenClaims
  grant: Grant
  /** Address the request came from. */
  ip: string
}

/**
 * Locks the customer of a request, whose session and grant must not have ended.
 *
 * @throws RekeyError invalid_token, success_token_refused
 */
export const lockForChange = async (tx: Transaction, { bearer, grant }: FactorRequest): Promise<LockedCustomer> => {
  const customer = await lockCustomerByCode(tx, bearer.sub)
  if (!customer || (await isSessionEndedWithin(tx, bearer))) throw new RekeyError('invalid_token')
  if (await isSessionEndedWithin(tx, grant.claims)) throw refuseGrant('session ended')
  if (customer.blocked) throw refuseGrant('customer blocked')
  return customer
}

/** Asserts that a grant has not been used, without using it. @throws RekeyError success_token_refused */
export const assertUnspent = async (tx: Transaction, { jti, challengeId }: Grant): Promise<void> => {
  const spent = await tx.spentToken.findFirst({ where: { jti: { in: [jti, challengeId] } }, select: { jti: true } })
  if (spent) throw refuseGrant('spent')
}

/** Uses a grant: one change, once (S19). The challenge is spent with it, as for a new password. @throws RekeyError success_token_refused */
export const spendGrant = async (tx: Transaction, { jti, challengeId, expiresAt }: Grant): Promise<void> => {
  const tokens = [jti, challengeId].map((id) => ({ jti: id, expiresAt }))
  const { count } = await tx.spentToken.createMany({ data: tokens, skipDuplicates: true })
  if (count < tokens.length) throw refuseGrant('spent')
}
