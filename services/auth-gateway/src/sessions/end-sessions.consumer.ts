import {
  CompromiseReported,
  CustomerBlocked,
  CustomerErased,
  isPlausibleEpoch,
  PasswordChanged,
  PasswordReset,
  PasswordResetRequested,
  PasswordRestored,
  PasswordSet,
  SessionsEnded,
} from '@rekey/contracts'
import { type Consumer, type ConsumerDeps, consume, PermanentError } from '@rekey/platform/consumer'

/** A reset of all customers publishes many events at once. */
const concurrency = 64

interface Handlers {
  /** Ends all sessions of a customer except the kept one. Safe to repeat. */
  endAll(customer: string, epoch: number, kept?: string): Promise<void>
  /** Reopens sign-in that wrong passwords have closed (S49). Safe to repeat. */
  reopenLogins(usernames: readonly string[], eventId: string): Promise<unknown>
  /** Deletes what is counted of an erased customer. Safe to repeat. */
  clearCounts(customer: string, usernames: readonly string[], eventId: string): Promise<unknown>
}

/** Events that end all sessions of a customer; a change keeps the session that made it, and the end of all others the one that asked. */
export const endingEvents = [
  PasswordChanged,
  PasswordRestored,
  PasswordReset,
  PasswordSet,
  PasswordResetRequested,
  CompromiseReported,
  CustomerBlocked,
  SessionsEnded,
  CustomerErased,
]

/** The fields of such an event that are read. */
export interface End {
  customer: string
  sessionEpoch: number
  keptSession?: string
  /** An older password-service sends none. */
  usernames?: string[]
}

/** @throws PermanentError if no end of sessions can have set the epoch: it would keep the customer out (S47) */
export const assertPlausible = ({ sessionEpoch }: End, now: Date): void => {
  if (!isPlausibleEpoch(sessionEpoch, now)) throw new PermanentError('the session epoch is in the future')
}

/**
 * Ends all sessions of a customer after each event that requires it. A new password also reopens sign-in: all instances
 * share one consumer of each event, so it does both.
 */
export const consumeEndSessions = (deps: ConsumerDeps, { endAll, reopenLogins, clearCounts }: Handlers): Consumer[] =>
  endingEvents.map((event) =>
    consume(deps, {
      event,
      concurrency,
      async handle(end: End, { eventId }) {
        assertPlausible(end, deps.now())
        await endAll(end.customer, end.sessionEpoch, end.keptSession)
        const usernames = end.usernames ?? []
        if (event === CustomerErased) await clearCounts(end.customer, usernames, eventId)
        else await reopenLogins(usernames, eventId)
      },
    }),
  )
