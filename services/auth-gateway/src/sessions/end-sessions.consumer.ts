import {
  CompromiseReported,
  PasswordChanged,
  PasswordReset,
  PasswordResetRequested,
  PasswordRestored,
  PasswordSet,
} from '@rekey/contracts'
import { type Consumer, type ConsumerDeps, consume } from '@rekey/platform/consumer'

/** A reset of all customers publishes many events at once. */
const concurrency = 64

interface Handlers {
  /** Ends all sessions of a customer except the kept one. Safe to repeat. */
  endAll(customer: string, epoch: number, kept?: string): Promise<void>
  /** Reopens sign-in that wrong passwords have closed (S49). Safe to repeat. */
  reopenLogins(usernames: readonly string[], eventId: string): Promise<unknown>
}

/** What the handlers use of each event; an older password-service sends no usernames. */
interface Ending {
  customer: string
  sessionEpoch: number
  usernames?: string[]
}

/**
 * Ends all sessions of a customer after each event that requires it; a change keeps the session that made it. A new
 * password also reopens sign-in: all instances share one consumer of each event, so it does both.
 */
export const consumeEndSessions = (deps: ConsumerDeps, { endAll, reopenLogins }: Handlers): Consumer[] => [
  consume(deps, {
    event: PasswordChanged,
    concurrency,
    handle: ({ customer, sessionEpoch, keptSession }) => endAll(customer, sessionEpoch, keptSession),
  }),
  ...[PasswordRestored, PasswordReset, PasswordSet, PasswordResetRequested, CompromiseReported].map((event) =>
    consume(deps, {
      event,
      concurrency,
      async handle({ customer, sessionEpoch, usernames = [] }: Ending, { eventId }) {
        await endAll(customer, sessionEpoch)
        await reopenLogins(usernames, eventId)
      },
    }),
  ),
]
