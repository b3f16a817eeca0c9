import { buckets, counter, histogram, type Metrics } from '@rekey/platform/metrics'
import { outcomeOf } from '@rekey/platform/outcome'
import { type CodeOutcome, codeOutcomes } from './code-outcome.ts'

/** Counts the steps of sign-ins. */
export const createSignInSteps = (metrics: Metrics) => {
  const steps = counter(metrics, {
    name: 'rekey_sign_ins_total',
    help:
      'Steps of sign-ins by outcome. password: each verification (A4); second_factor: each submitted code; completed: each ' +
      'right code, by whether its session began',
    labels: { step: ['password', 'second_factor', 'completed'], outcome: codeOutcomes },
  })
  const delays = histogram(metrics, {
    name: 'rekey_sign_in_step_delay_seconds',
    help:
      'Time up to a step of a sign-in that succeeded. second_factor: from the request of the last code to the right one; ' +
      'completed: from the right code to the stored event of the session',
    labels: { step: ['second_factor', 'completed'] },
    buckets: buckets.message,
  })
  const count = (step: 'password' | 'second_factor' | 'completed', outcome: CodeOutcome) => steps.inc({ step, outcome })
  return {
    count,

    observe: (step: 'second_factor' | 'completed', seconds: number) => delays.observe({ step }, Math.max(0, seconds)),

    /** Runs a step and counts its outcome. */
    async run<T>(
      step: 'password' | 'completed',
      work: () => Promise<T>,
      outcome: (error: unknown) => CodeOutcome = outcomeOf,
    ): Promise<T> {
      try {
        const result = await work()
        count(step, 'ok')
        return result
      } catch (error) {
        count(step, outcome(error))
        throw error
      }
    },
  }
}

export type SignInSteps = ReturnType<typeof createSignInSteps>
