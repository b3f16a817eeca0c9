import type { FactorOperation } from '@rekey/contracts'
import { sealSecret } from '../factor-secrets/factor-secret.ts'
import type { FactorDeps } from './enrol-totp.ts'
import { addFactorEvents } from './factor-events.ts'
import { type FactorRequest, lockForChange, spendGrant } from './factor-grant.ts'
import { writeFactorKinds } from './factors.store.ts'
import { newRecoveryCodes } from './recovery-codes.ts'

/**
 * Issues recovery codes in place of all earlier ones (C5). They are shown in this answer only.
 *
 * @throws RekeyError invalid_token, success_token_refused, unavailable
 */
export const issueRecoveryCodes = async (
  deps: FactorDeps,
  request: FactorRequest,
): Promise<{ codes: string[]; operation: FactorOperation }> => {
  const { database, keys, now, random } = deps
  const id = random.id()
  const { key, codes, hmacs } = newRecoveryCodes(random)
  return database.transaction(async (tx) => {
    const at = now()
    const customer = await lockForChange(tx, request)
    await spendGrant(tx, request.grant)
    const earlier = await tx.factor.findFirst({ where: { customerId: customer.id, kind: 'recovery_codes' } })
    // Its codes go with it.
    if (earlier) await tx.factor.delete({ where: { id: earlier.id } })
    const owner = { id, customerId: customer.id }
    const secret = sealSecret(keys.factor, owner, key)
    await tx.factor.create({
      data: { ...owner, kind: 'recovery_codes', label: '', ...secret, createdAt: at, confirmedAt: at },
    })
    await tx.recoveryCode.createMany({ data: hmacs.map((codeHmac) => ({ factorId: id, codeHmac })) })
    await writeFactorKinds(tx, customer.id)
    const operation = earlier ? ('recovery_codes_replaced' as const) : ('recovery_codes_issued' as const)
    await addFactorEvents(tx, deps, customer, request, { operation, factorId: id, replaced: earlier?.id, at })
    return { codes, operation }
  })
}
