import { channelOfDevice, type ProofMethod, type Purpose, proofMethods } from '@rekey/contracts'
import { counter, type Metrics } from '@rekey/platform/metrics'
import { type CodeOutcome, codeOutcomes } from './code-outcome.ts'
import { createRestoreSteps } from './restore-steps.ts'
import { createSignInSteps } from './sign-in-steps.ts'

/** What is known of a submitted code when its attempt ends. */
export interface AnsweredCode {
  /** Set if it is not that of the error. */
  outcome?: CodeOutcome
  /** The device that the code was sent to; '' if the challenge was not read. */
  device: string
  /** How the code was to prove the customer; undefined if the challenge was not read. */
  method?: ProofMethod | undefined
  /** True for a second proof of a restore or change. */
  isSecond?: boolean
  /** When the code was requested, in ms since 1970; NaN if the challenge was not read, or does not say. */
  sentAtMs: number
}

/** Counts submitted codes of restores and sign-ins. Those of changes have `rekey_password_changes_total`. */
export const createAnsweredCodes = (metrics: Metrics) => {
  const restores = createRestoreSteps(metrics)
  const signIns = createSignInSteps(metrics)
  const secondProofs = counter(metrics, {
    name: 'rekey_second_proofs_total',
    help: 'Codes that were submitted as a second proof, by what it was for and by method. change: of a changed password',
    labels: { purpose: ['restore', 'login', 'change'], method: proofMethods, outcome: codeOutcomes },
  })
  return {
    count(purpose: Purpose, answered: AnsweredCode, outcome: CodeOutcome, at: Date): void {
      const { device, sentAtMs, method, isSecond = purpose === 'login' } = answered
      if (method && isSecond) secondProofs.inc({ purpose, method, outcome })
      // A restore is counted by its first proof.
      if (isSecond && purpose === 'restore') return
      // By Redis, which may have changed it: a wrong time makes a figure wrong, and nothing else.
      const seconds = Math.max(0, at.getTime() - sentAtMs) / 1_000
      const isMeasured = outcome === 'ok' && Number.isFinite(seconds)
      if (purpose === 'restore') {
        restores.answered(channelOfDevice(device), outcome)
        if (isMeasured) restores.accepted(seconds)
      }
      if (purpose === 'login') {
        signIns.count('second_factor', outcome)
        if (isMeasured) signIns.observe('second_factor', seconds)
      }
    },
  }
}

export type AnsweredCodes = ReturnType<typeof createAnsweredCodes>
