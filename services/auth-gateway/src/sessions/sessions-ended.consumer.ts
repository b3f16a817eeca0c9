import {
  CompromiseReported,
  PasswordChanged,
  PasswordReset,
  PasswordResetRequested,
  PasswordRestored,
  PasswordSet,
} from '@rekey/contracts'
import { type Consumer, type ConsumerDeps, consume } from '@rekey/platform/consumer'
import type { Sessions } from './sessions.service.ts'

/** A reset of all customers sends many at once. */
const concurrency = 64

/** What ends all of a customer's sessions; a change keeps the one that made it. */
export const consumeSessionsEnded = (deps: ConsumerDeps, sessions: Sessions): Consumer[] => [
  consume(deps, {
    event: PasswordChanged,
    concurrency,
    handle: ({ customer, sessionEpoch, keptSession }) => sessions.endAll(customer, sessionEpoch, keptSession),
  }),
  ...[PasswordRestored, PasswordReset, PasswordSet, PasswordResetRequested, CompromiseReported].map((event) =>
    consume(deps, {
      event,
      concurrency,
      handle: ({ customer, sessionEpoch }: { customer: string; sessionEpoch: number }) =>
        sessions.endAll(customer, sessionEpoch),
    }),
  ),
]
