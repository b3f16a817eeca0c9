import { ChallengeFailed, ChallengeLocked, ChallengeVerified } from '@rekey/contracts'
import { type Consumer, type ConsumerDeps, consume, PermanentError } from '@rekey/platform/consumer'
import { afterAnswer } from '../after-answer.ts'
import type { Budgets } from './lockout.service.ts'

const concurrency = 32

/** When the gateway was given the code. @throws PermanentError */
const given = (time: Date): Date => {
  if (Number.isNaN(time.getTime())) throw new PermanentError('the event has no time')
  return time
}

/** Codes were given, right and wrong ones. What they were for but to restore counts elsewhere. */
export const consumeAnswers = (
  deps: ConsumerDeps,
  { note, noteRight }: Pick<Budgets, 'note' | 'noteRight'>,
): Consumer[] => [
  ...[ChallengeFailed, ChallengeLocked].map((event) =>
    consume(deps, {
      event,
      concurrency,
      pause: afterAnswer,
      async handle({ purpose, challengeId, attempt }, { time }) {
        if (purpose === 'restore') await note({ challengeId, attempt, failedAt: given(time) })
      },
    }),
  ),
  consume(deps, {
    event: ChallengeVerified,
    concurrency,
    async handle({ purpose, challengeId }, { time }) {
      if (purpose === 'restore') await noteRight(challengeId, given(time))
    },
  }),
]
