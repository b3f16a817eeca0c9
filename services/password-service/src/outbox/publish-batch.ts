import type { WaitingEvent } from './relay.store.ts'

/** An event that was not published, and why. */
export interface Failure {
  event: WaitingEvent
  error: unknown
}

/** What became of each event of a batch. */
export interface Outcome {
  published: WaitingEvent[]
  failed: Failure[]
  /** Later events of a customer whose earlier one failed just now. */
  behindFailed: WaitingEvent[]
  /** Later events of a customer whose earlier one is held. */
  behindHeld: WaitingEvent[]
  /** Events for which there was no time. */
  left: WaitingEvent[]
}

interface Options {
  /** @throws where the broker does not store the event */
  publish(event: WaitingEvent): Promise<void>
  elapsedMs(): number
}

/** The rest of a batch that takes longer is left for the next: its transaction must end in time. */
const batchMs = 2_500

/** Publishes events side by side, and those of one customer one after the other, up to the first that fails. */
export const publishBatch = async (events: WaitingEvent[], { publish, elapsedMs }: Options): Promise<Outcome> => {
  const endsAtMs = elapsedMs() + batchMs
  const outcome: Outcome = { published: [], failed: [], behindFailed: [], behindHeld: [], left: [] }

  const publishInOrder = async (customersEvents: WaitingEvent[]) => {
    for (const [index, event] of customersEvents.entries()) {
      const rest = customersEvents.slice(index)
      if (event.heldUntil) return outcome.behindHeld.push(...rest)
      if (elapsedMs() > endsAtMs) return outcome.left.push(...rest)
      try {
        await publish(event)
        outcome.published.push(event)
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
