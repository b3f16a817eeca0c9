import { FactorsList, FactorsVerify } from '@rekey/contracts'
import type { Feature } from '../feature.ts'
import type { Infrastructure } from '../infrastructure.ts'
import { createProofMetrics } from './proof-metrics.ts'
import { createProofStore } from './proofs.store.ts'
import { createProofs } from './proofs.ts'

/** Authenticator apps and recovery codes of customers (`factors.list`, `factors.verify`). */
export const createFactors = (infra: Infrastructure): Feature => {
  const proofs = createProofs({
    ...infra,
    store: createProofStore(infra.database),
    metrics: createProofMetrics(infra.metrics),
  })
  return {
    rpcs: [
      { rpc: FactorsList, answer: proofs.list },
      { rpc: FactorsVerify, answer: proofs.verify },
    ],
  }
}
