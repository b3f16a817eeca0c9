import {
  CompromiseReported,
  CustomerBlocked,
  isPlausibleEpoch,
  PasswordChanged,
  PasswordReset,
  PasswordResetRequested,
  PasswordRestored,
  PasswordSet,
} from '@rekey/contracts'
import { type Consumer, type ConsumerDeps, consume, PermanentError } from '@rekey/platform/consumer'

/** A reset of all customers publishes many events at once. */
const concurrency = 64

/** Ends all sessions of a customer except the kept one. Safe to repeat. */
type EndAll = (customer: string, epoch: number, kept?: string) => Promise<void>

/** Events that end all sessions of a customer; a change keeps the session that made it. */
export const endingEvents = [
  PasswordChanged,
  PasswordRestored,
  PasswordReset,
  PasswordSet,
  PasswordResetRequested,
  CompromiseReported,
  CustomerBlocked,
]

/** The fields of such an event that are read. */
export interface End {
  customer: string
  sessionEpoch: number
  keptSession?: string
}

/** @throws PermanentError if no end of sessions can have set the epoch: it would keep the customer out (S47) */
export const assertPlausible = ({ sessionEpoch }: End, now: Date): void => {
  if (!isPlausibleEpoch(sessionEpoch, now))
    throw new PermanentError(`the session epoch ${sessionEpoch} is in the future`)
}

/** Ends all sessions of a customer after each event that requires it. */
export const consumeEndSessions = (deps: ConsumerDeps, endAll: EndAll): Consumer[] =>
  endingEvents.map((event) =>
    consume(deps, {
      event,
      concurrency,
      async handle(end: End) {
        assertPlausible(end, deps.now())
        await endAll(end.customer, end.sessionEpoch, end.keptSession)
      },
    }),
  )
