import type { ClientLog, FactorProof } from '../client-log.ts'
import type { FinalState } from '../final-state.ts'
import type { FactorUse } from '../second-factor-state.ts'
import { type Check, repeated } from './finding.ts'

const nameOf = ({ customer, method, used }: FactorProof) => `the ${method} ${used} of ${customer.code}`

/**
 * The proofs that were accepted, once for each time: by the answers, and by the events of challenges whose answer was
 * lost. Only the ids of sign-ins' challenges are known.
 */
const acceptedProofs = ({ factorProofs }: ClientLog, { events }: FinalState): FactorProof[] => {
  const verified = new Set(
    events.AUTH.filter(({ type }) => type === 'auth.challenge.verified').map(({ subject }) => subject),
  )
  return factorProofs.flatMap((proof) => {
    const byEvent = proof.challengeId !== undefined && verified.has(proof.challengeId) ? 1 : 0
    return Array.from({ length: Math.max(proof.accepted, byEvent) }, () => proof)
  })
}

const kindOf = { totp: 'totp', recovery_code: 'recovery_codes' } as const

/** Compares a customer's accepted proofs with what Postgres says was used. */
const useViolations = (accepted: FactorProof[], sent: FactorProof[], use: FactorUse | undefined): string[] => {
  const [{ customer, method }] = sent as [FactorProof]
  if (!use) return [`${customer.code} proved by ${method} and has none`]
  if (method === 'totp') {
    const [first, last] = [accepted, sent].map((proofs) => Math.max(0, ...proofs.map(({ used }) => Number(used))))
    const isUsed = use.lastStep >= (first ?? 0) && use.lastStep <= (last ?? 0)
    return isUsed ? [] : [`${customer.code} has used up to the time step ${use.lastStep}, and proved by ${first}`]
  }
  const [least, most] = [accepted, sent].map((proofs) => new Set(proofs.map(({ used }) => used)).size)
  const isUsed = use.usedCodes >= (least ?? 0) && use.usedCodes <= (most ?? 0)
  return isUsed ? [] : [`${use.usedCodes} recovery codes of ${customer.code} are used, and ${least} were accepted`]
}

export const codesOfFactorsWorkOnce: Check = (clientLog, state) => {
  const accepted = acceptedProofs(clientLog, state)
  const byCustomer = Map.groupBy(clientLog.factorProofs, ({ customer }) => customer)
  const count = (wanted: FactorProof['method']) => accepted.filter(({ method }) => method === wanted).length
  return {
    checked: accepted.length,
    breakdown: { 'of apps': count('totp'), 'recovery codes': count('recovery_code') },
    violations: [
      ...repeated(accepted.map(nameOf)).map((name) => `${name} was accepted twice`),
      ...[...byCustomer].flatMap(([customer, sent]) => {
        const [{ method }] = sent as [FactorProof]
        const use = state.factors.find(({ customerId, kind }) => customerId === customer.id && kind === kindOf[method])
        const own = accepted.filter((proof) => proof.customer === customer)
        return useViolations(own, sent, use)
      }),
    ],
  }
}

/** A grant by one proof of two is spent only by the completion of a waiting restore, which spends one. */
export const oneProofSetsNothing: Check = ({ grants }, { spentTokens, waitingRestores }) => {
  const single = grants.filter(({ isOneOfTwo, tries }) => isOneOfTwo && tries.length > 0)
  const byCustomer = Map.groupBy(single, ({ customer }) => customer)
  const completed = (customerId: number) =>
    waitingRestores.filter((restore) => restore.customerId === customerId && restore.state === 'completed').length
  return {
    checked: single.length,
    breakdown: { spent: single.filter(({ jti }) => spentTokens.has(jti)).length },
    violations: [...byCustomer].flatMap(([{ id, code }, own]) => {
      const spent = own.filter(({ jti }) => spentTokens.has(jti)).length
      if (spent === completed(id)) return []
      return [`${code} set ${spent} passwords with one proof, and completed ${completed(id)} waiting restores`]
    }),
  }
}
