import type { PublishedEvent, WaitingEvent } from './relay.store.ts'

/** An event that was not published. */
export interface Failure {
  event: WaitingEvent
  error: unknown
}

/** The events of a batch, by result. */
export interface Outcome {
  published: PublishedEvent[]
  failed: Failure[]
  /** Later events of a customer whose earlier one failed in this batch. */
  behindFailed: WaitingEvent[]
  /** Later events of a customer with held events. */
  behindHeld: WaitingEvent[]
  /** Events that were not tried because the time was over. */
  left: WaitingEvent[]
}

interface Options {
  /** @returns the sequence number in the stream. @throws if the broker does not store the event */
  publish(event: WaitingEvent): Promise<number | undefined>
  elapsedMs(): number
}

/** After this time the rest is left for the next batch, because the transaction of the batch has a time-out. */
const publishMs = 2_500

/** Publishes the events of different customers in parallel, and those of one customer in order up to the first failure. */
export const publishBatch = async (events: WaitingEvent[], { publish, elapsedMs }: Options): Promise<Outcome> => {
  const endsAtMs = elapsedMs() + publishMs
  const outcome: Outcome = { published: [], failed: [], behindFailed: [], behindHeld: [], left: [] }

  const publishInOrder = async (customersEvents: WaitingEvent[]) => {
    for (const [index, event] of customersEvents.entries()) {
      const rest = customersEvents.slice(index)
      if (event.heldUntil) return outcome.behindHeld.push(...rest)
      if (elapsedMs() > endsAtMs) return outcome.left.push(...rest)
      try {
        outcome.published.push({ event, sequence: await publish(event) })
      } catch (error) {
        outcome.failed.push({ event, error })
        return outcome.behindFailed.push(...rest.slice(1))
      }
    }
  }
  const bySubject = Map.groupBy(events, ({ subject }) => subject)
  await Promise.all([...bySubject.values()].map(publishInOrder))
  return outcome
}
