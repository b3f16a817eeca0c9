import { ChallengeFailed, ChallengeLocked, ChallengeVerified } from '@rekey/contracts'
import { type Consumer, type ConsumerDeps, consume, PermanentError } from '@rekey/platform/consumer'
import { afterAnswer } from '../after-answer.ts'
import type { LockoutService } from './lockout.service.ts'

const concurrency = 32

/** When the gateway received the code. @throws PermanentError */
const answeredAt = (time: Date): Date => {
  if (Number.isNaN(time.getTime())) throw new PermanentError('the event has no time')
  return time
}

/** Consumes right and wrong codes of restores; the gateway alone counts those of sign-in and change. */
export const consumeAnswers = (
  deps: ConsumerDeps,
  { recordFailure, recordSuccess }: Pick<LockoutService, 'recordFailure' | 'recordSuccess'>,
): Consumer[] => [
  ...[ChallengeFailed, ChallengeLocked].map((event) =>
    consume(deps, {
      event,
      concurrency,
      pause: afterAnswer,
      async handle({ purpose, challengeId, attempt, username }, { time }) {
        if (purpose === 'restore') await recordFailure({ challengeId, attempt, failedAt: answeredAt(time) }, username)
      },
    }),
  ),
  consume(deps, {
    event: ChallengeVerified,
    concurrency,
    async handle({ purpose, challengeId }, { time }) {
      if (purpose === 'restore') await recordSuccess(challengeId, answeredAt(time))
    },
  }),
]
