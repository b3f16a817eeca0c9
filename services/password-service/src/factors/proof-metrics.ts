import { type EnrolledMethod, enrolledMethods } from '@rekey/contracts'
import { counter, type Metrics } from '@rekey/platform/metrics'

/** used: the proof is right, but its time step, the recovery code or the challenge was used before. */
export const proofOutcomes = [
  'right',
  'wrong',
  'used',
  'not_enrolled',
  'late',
  'other_origin',
  'unverified',
  'cloned',
] as const
export type ProofOutcome = (typeof proofOutcomes)[number]

/** Counts second proofs. */
export const createProofMetrics = (metrics: Metrics) => {
  const proofs = counter(metrics, {
    name: 'rekey_factor_proofs_total',
    help:
      'Codes of authenticator apps, recovery codes and passkeys that were verified, by method and outcome. used: a right ' +
      'one whose time step or challenge, or which itself, was used before; not_enrolled: the customer is unknown or has no ' +
      'such method; late, other_origin, unverified, cloned: of passkeys (docs/factors.md)',
    labels: { method: enrolledMethods, outcome: proofOutcomes },
  })
  return {
    proved(method: EnrolledMethod, outcome: ProofOutcome) {
      proofs.inc({ method, outcome })
    },
  }
}

export type ProofMetrics = ReturnType<typeof createProofMetrics>
