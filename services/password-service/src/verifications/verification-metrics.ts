import { verificationChannels } from '@rekey/contracts'
import { counter, type Metrics } from '@rekey/platform/metrics'

const outcomes = ['begun', 'verified', 'wrong', 'ended', 'limited'] as const
export type VerificationOutcome = (typeof outcomes)[number]

/** Counts verifications of the help desk. */
export const createVerificationMetrics = (metrics: Metrics) => {
  const verifications = counter(metrics, {
    name: 'rekey_verifications_total',
    help:
      'Verifications of customers by the help desk, by method and outcome. wrong: each wrong code; ended: a code of a ' +
      'verification that accepts none; limited: over a quota. none: the method is not known there',
    labels: { method: [...verificationChannels, 'none'], outcome: outcomes },
  })
  return {
    counted(method: (typeof verificationChannels)[number] | 'none', outcome: VerificationOutcome) {
      verifications.inc({ method, outcome })
    },
  }
}

export type VerificationMetrics = ReturnType<typeof createVerificationMetrics>
