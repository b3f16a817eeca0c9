import { type EnrolledMethod, enrolledMethods } from '@rekey/contracts'
import { counter, type Metrics } from '@rekey/platform/metrics'

/** used: the code is right, but its time step or the recovery code was used before. */
export const proofOutcomes = ['right', 'wrong', 'used', 'not_enrolled'] as const
export type ProofOutcome = (typeof proofOutcomes)[number]

/** Counts second proofs. */
export const createProofMetrics = (metrics: Metrics) => {
  const proofs = counter(metrics, {
    name: 'rekey_factor_proofs_total',
    help:
      'Codes of authenticator apps and recovery codes that were verified, by method and outcome. used: a right code whose ' +
      'time step, or which itself, was used before; not_enrolled: the customer is unknown or has no such method',
    labels: { method: enrolledMethods, outcome: proofOutcomes },
  })
  return {
    proved(method: EnrolledMethod, outcome: ProofOutcome) {
      proofs.inc({ method, outcome })
    },
  }
}

export type ProofMetrics = ReturnType<typeof createProofMetrics>
