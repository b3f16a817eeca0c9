import {
  CompromiseReported,
  CustomerBlocked,
  PasswordChanged,
  PasswordReset,
  PasswordResetRequested,
  PasswordRestored,
  PasswordSet,
} from '@rekey/contracts'
import { type Consumer, type ConsumerDeps, consume } from '@rekey/platform/consumer'

/** A reset of all customers publishes many events at once. */
const concurrency = 64

/** Ends all sessions of a customer except the kept one. Safe to repeat. */
type EndAll = (customer: string, epoch: number, kept?: string) => Promise<void>

/** Ends all sessions of a customer after each event that requires it; a change keeps the session that made it. */
export const consumeEndSessions = (deps: ConsumerDeps, endAll: EndAll): Consumer[] => [
  consume(deps, {
    event: PasswordChanged,
    concurrency,
    handle: ({ customer, sessionEpoch, keptSession }) => endAll(customer, sessionEpoch, keptSession),
  }),
  ...[PasswordRestored, PasswordReset, PasswordSet, PasswordResetRequested, CompromiseReported, CustomerBlocked].map(
    (event) =>
      consume(deps, {
        event,
        concurrency,
        handle: ({ customer, sessionEpoch }: { customer: string; sessionEpoch: number }) =>
          endAll(customer, sessionEpoch),
      }),
  ),
]
