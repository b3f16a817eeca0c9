import { ChallengeFailed, ChallengeLocked } from '@rekey/contracts'
import { type Consumer, type ConsumerDeps, consume, GiveUp } from '@rekey/platform/consumer'
import type { Budgets } from './budgets.service.ts'

/** A wrong code was given, be it the last that its challenge allows: where it was for a restore it counts. */
export const consumeChallengeFailed = (deps: ConsumerDeps, { note }: Pick<Budgets, 'note'>): Consumer[] =>
  [ChallengeFailed, ChallengeLocked].map((event) =>
    consume(deps, {
      event,
      concurrency: 32,
      async handle({ purpose, challengeId, attempt }, { time }) {
        if (purpose !== 'restore') return
        if (Number.isNaN(time.getTime())) throw new GiveUp('the event has no time')
        await note({ challengeId, attempt, failedAt: time })
      },
    }),
  )
