import { ChallengeFailed, ChallengeLocked, ChallengeVerified } from '@rekey/contracts'
import { consumeTogether, type Received } from '@rekey/platform/consume-together'
import { type Consumer, type ConsumerDeps, consume } from '@rekey/platform/consumer'
import { afterAnswer } from '../after-answer.ts'
import { answeredAt } from './answered-at.ts'
import type { LockoutService } from './lockout.service.ts'

/** Right codes that one transaction decides about. */
const mostRightCodes = 256

const concurrency = 32

/** Consumes right and wrong codes of restores, and wrong second proofs; the gateway alone counts other codes of sign-in and change. */
export const consumeAnswers = (
  deps: ConsumerDeps,
  {
    recordFailure,
    recordSuccesses,
  }: Pick<LockoutService, 'recordFailure'> & {
    recordSuccesses(events: readonly Received<typeof ChallengeVerified>[]): Promise<readonly unknown[]>
  },
): Consumer[] => [
  ...[ChallengeFailed, ChallengeLocked].map((event) =>
    consume(deps, {
      event,
      concurrency,
      pause: afterAnswer,
      handle: (failed, { time }) => recordFailure(failed, answeredAt(time)),
    }),
  ),
  consumeTogether(deps, { event: ChallengeVerified, most: mostRightCodes, handle: recordSuccesses }),
]
