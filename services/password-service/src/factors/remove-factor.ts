import { type FactorOperation, noSuchResource } from '@rekey/contracts'
import type { FactorDeps } from './enrol-totp.ts'
import { addFactorEvents } from './factor-events.ts'
import { type FactorRequest, lockForChange, spendGrant } from './factor-grant.ts'
import { writeFactorKinds } from './factors.store.ts'

/**
 * Removes one factor of the customer (C6); recovery codes together.
 *
 * @throws RekeyError invalid_token, success_token_refused, not_found, unavailable
 */
export const removeFactor = async (
  deps: FactorDeps,
  request: FactorRequest,
  factorId: string,
): Promise<FactorOperation> =>
  deps.database.transaction(async (tx) => {
    const at = deps.now()
    const customer = await lockForChange(tx, request)
    await spendGrant(tx, request.grant)
    const where = { id: factorId, customerId: customer.id, confirmedAt: { not: null } }
    const factor = await tx.factor.findFirst({ where, select: { kind: true } })
    if (!factor) throw noSuchResource('factorId')
    await tx.factor.delete({ where: { id: factorId } })
    await writeFactorKinds(tx, customer.id)
    const operation = `${factor.kind}_removed` as const
    await addFactorEvents(tx, deps, customer, request, { operation, factorId, at })
    return operation
  })
