import { restoreStepDelayMetric, restoreStepsMetric, type StepChannel, stepChannels } from '@rekey/contracts'
import { buckets, counter, histogram, type Metrics } from '@rekey/platform/metrics'
import { type Outcome, outcomes } from '@rekey/platform/outcome'
import { type CodeOutcome, codeOutcomes } from './code-outcome.ts'

/** Counts the steps of restores that the gateway takes. It does not know whether the account exists, nor do its figures. */
export const createRestoreSteps = (metrics: Metrics) => {
  const steps = counter(metrics, {
    ...restoreStepsMetric,
    labels: {
      step: ['requested', 'code_accepted'],
      channel: stepChannels,
      outcome: [...new Set([...outcomes, ...codeOutcomes])],
    },
  })
  const delays = histogram(metrics, {
    ...restoreStepDelayMetric,
    labels: { step: ['code_accepted'] },
    buckets: buckets.message,
  })
  return {
    requested: (channel: StepChannel, outcome: Outcome) => steps.inc({ step: 'requested', channel, outcome }),

    answered: (channel: StepChannel, outcome: CodeOutcome) => steps.inc({ step: 'code_accepted', channel, outcome }),

    /** `seconds`: from the request of the code. */
    accepted(seconds: number) {
      delays.observe({ step: 'code_accepted' }, seconds)
    },
  }
}

export type RestoreSteps = ReturnType<typeof createRestoreSteps>
