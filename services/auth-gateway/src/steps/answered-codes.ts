import { channelOfDevice, type Purpose } from '@rekey/contracts'
import type { Metrics } from '@rekey/platform/metrics'
import type { CodeOutcome } from './code-outcome.ts'
import { createRestoreSteps } from './restore-steps.ts'
import { createSignInSteps } from './sign-in-steps.ts'

/** What is known of a submitted code when its attempt ends. */
export interface AnsweredCode {
  /** Set if it is not that of the error. */
  outcome?: CodeOutcome
  /** The device that the code was sent to; '' if the challenge was not read. */
  device: string
  /** When the code was requested, in ms since 1970; NaN if the challenge was not read, or does not say. */
  sentAtMs: number
}

/** Counts submitted codes of restores and sign-ins. Those of changes have `rekey_password_changes_total`. */
export const createAnsweredCodes = (metrics: Metrics) => {
  const restores = createRestoreSteps(metrics)
  const signIns = createSignInSteps(metrics)
  return {
    count(purpose: Purpose, { device, sentAtMs }: AnsweredCode, outcome: CodeOutcome, at: Date): void {
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
