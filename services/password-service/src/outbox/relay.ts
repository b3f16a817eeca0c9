import { type Background, runInBackground } from '@rekey/platform/background'
import type { Broker } from '@rekey/platform/broker'
import type { Now } from '@rekey/platform/clock'
import type { Logger } from '@rekey/platform/logger'
import type { Publisher } from '@rekey/platform/publisher'
import type { OutboxStore, WaitingEvent } from './outbox.store.ts'

interface Deps {
  store: OutboxStore
  publisher: Publisher
  broker: Broker
  source: string
  now: Now
  log: Logger
}

const batchSize = 100
/** A safety net: wakes that were lost cost no more than this. */
const pollMs = 5_000
const backoffMs = { first: 100, most: 5_000 }

/**
 * Brings committed events to the broker, in order for each customer, until it has each of them. What still waits at the
 * close stays in Postgres for the next relay.
 */
export const startRelay = ({ store, publisher, broker, source, now, log }: Deps): Background => {
  const publish = ({ eventId, type, subject, data, traceparent, createdAt }: WaitingEvent) =>
    publisher.send({
      id: eventId,
      type,
      source,
      subject,
      time: createdAt,
      data,
      traceparent: traceparent ?? undefined,
    })

  /** @throws where the broker or Postgres is away */
  const drain = async (stopped: AbortSignal) => {
    while (!stopped.aborted) {
      // Asked first: without a broker no rows need to be locked.
      broker.connection()
      const failures: { eventId: string; cause: unknown }[] = []
      const { taken, published } = await store.relay(batchSize, now(), async (events) => {
        const outcomes = await Promise.allSettled(events.map(publish))
        return events.flatMap(({ rowId, eventId }, index) => {
          const outcome = outcomes[index]
          if (outcome?.status !== 'rejected') return rowId
          failures.push({ eventId, cause: outcome.reason.cause })
          return []
        })
      })
      if (taken === 0) return
      const [first] = failures
      if (first) {
        const what = `${taken - published} of ${taken} events were not published, ${first.eventId} first`
        throw new Error(what, { cause: first.cause })
      }
    }
  }

  return runInBackground({ work: drain, pollMs, backoffMs, waiting: 'outbox waits', log })
}
