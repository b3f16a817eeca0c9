import {
  RekeyError,
  restoreStepDelayMetric,
  restoreStepsMetric,
  type StepChannel,
  stepChannels,
} from '@rekey/contracts'
import { buckets, counter, histogram, type Metrics } from '@rekey/platform/metrics'
import { outcomeOf, outcomes } from '@rekey/platform/outcome'

/** Why a password is replaced. temporary: a restore without a password (A3); staff: the back office set it. */
const changeReasons = ['change', 'restore', 'temporary', 'staff'] as const
export type ChangeReason = (typeof changeReasons)[number]

/** policy: the new password, or the current one that was sent, is refused; grant: the success token is. */
const passwordOutcomes = [...outcomes, 'policy', 'grant', 'locked_out'] as const
type PasswordOutcome = (typeof passwordOutcomes)[number]

/** young_address: of a restore, longer because its address or its second factor is young. */
const holdReasons = ['restore', 'young_address', 'temporary', 'staff', 'factors_reset'] as const
export type HoldReason = (typeof holdReasons)[number]

/** Of a grant that a lockout makes worthless: the code was right, and given during it (S6). */
export const lockedOut = 'locked out'

const passwordOutcomeOf = (error: unknown): PasswordOutcome => {
  if (!(error instanceof RekeyError)) return 'failed'
  const { code, cause } = error
  if (code === 'password_refused' || code === 'current_password_wrong') return 'policy'
  if (code !== 'success_token_refused') return outcomeOf(error)
  return cause instanceof Error && cause.message === lockedOut ? 'locked_out' : 'grant'
}

/** A new password as it was committed. */
interface Replaced {
  channel: StepChannel
  /** When the right code was submitted; undefined without a code. */
  provenAt: Date | undefined
  at: Date
}

/** Counts new passwords, and the last step of restores. */
export const createPasswordMetrics = (metrics: Metrics) => {
  const changes = counter(metrics, {
    name: 'rekey_password_changes_total',
    help:
      'New passwords by reason and outcome. policy: the new password, or the current one that was sent, is refused; ' +
      'grant: the success token is. staff: those that were checked and approved',
    labels: { reason: changeReasons, outcome: passwordOutcomes },
  })
  const steps = counter(metrics, {
    ...restoreStepsMetric,
    labels: { step: ['password_set'], channel: stepChannels, outcome: passwordOutcomes },
  })
  const delays = histogram(metrics, {
    ...restoreStepDelayMetric,
    labels: { step: ['password_set'] },
    buckets: buckets.message,
  })
  const holds = counter(metrics, {
    name: 'rekey_holds_started_total',
    help:
      'Recovery holds that began or were extended, by reason. young_address: a restore over an address, or by a ' +
      'second factor, that the customer gained a short while ago; temporary: a restore without a password; staff: the back office set a password; factors_reset: it removed the second factors',
    labels: { reason: holdReasons },
  })

  const count = (reason: ChangeReason, outcome: PasswordOutcome, channel: StepChannel) => {
    changes.inc({ reason, outcome })
    if (reason === 'restore' || reason === 'temporary') steps.inc({ step: 'password_set', channel, outcome })
  }
  return {
    /** Counts a replacement, and passes its result on. @throws what `work` throws */
    async replacing<T extends Replaced>(reason: ChangeReason, work: () => Promise<T>): Promise<T> {
      try {
        const replaced = await work()
        const { channel, provenAt, at } = replaced
        count(reason, 'ok', channel)
        if (provenAt && reason !== 'change')
          delays.observe({ step: 'password_set' }, Math.max(0, at.getTime() - provenAt.getTime()) / 1_000)
        return replaced
      } catch (error) {
        count(reason, passwordOutcomeOf(error), 'none')
        throw error
      }
    },

    holdStarted(reason: HoldReason) {
      holds.inc({ reason })
    },
  }
}

export type PasswordMetrics = ReturnType<typeof createPasswordMetrics>
