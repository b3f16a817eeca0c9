import { setTimeout as delay } from 'node:timers/promises'
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

interface Relay {
  /** Something may be waiting. */
  wake(): void
  /** Finishes the batch in hand. What still waits stays in Postgres for the next relay. */
  close(): Promise<void>
}

const batchSize = 100
/** A safety net: wakes that were lost cost no more than this. */
const pollMs = 5_000
const backoffMs = { first: 100, most: 5_000 }

/** Brings committed events to the broker, in order for each customer, until it has each of them. */
export const startRelay = ({ store, publisher, broker, source, now, log }: Deps): Relay => {
  const stopped = new AbortController()
  let woken = Promise.withResolvers<void>()

  const publish = async (events: WaitingEvent[]): Promise<bigint[]> => {
    const outcomes = await Promise.allSettled(
      events.map(async ({ rowId, eventId, type, subject, data, traceparent, createdAt }) => {
        await publisher.send({
          id: eventId,
          type,
          source,
          subject,
          time: createdAt,
          data,
          traceparent: traceparent ?? undefined,
        })
        return rowId
      }),
    )
    for (const [index, outcome] of outcomes.entries()) {
      if (outcome.status === 'fulfilled') continue
      log.warn({ eventId: events[index]?.eventId, err: outcome.reason.cause }, 'event not published yet')
    }
    return outcomes.flatMap((outcome) => (outcome.status === 'fulfilled' ? outcome.value : []))
  }

  /** @throws where the broker or Postgres is away */
  const drain = async () => {
    while (!stopped.signal.aborted) {
      // Asked first: without a broker no rows need to be locked.
      broker.connection()
      const { taken, published } = await store.relay(batchSize, now(), publish)
      if (taken === 0) return
      if (published < taken) throw new Error(`${taken - published} of ${taken} events were not published`)
    }
  }

  const pause = (ms: number) => {
    const ended = new AbortController()
    return Promise.race([
      woken.promise,
      delay(ms, undefined, { signal: AbortSignal.any([stopped.signal, ended.signal]) }).catch(() => {}),
    ]).finally(() => ended.abort())
  }

  const loop = async () => {
    let failures = 0
    while (!stopped.signal.aborted) {
      woken = Promise.withResolvers<void>()
      try {
        await drain()
        failures = 0
        await pause(pollMs)
      } catch (err) {
        // Once for each time that it goes away, not at every attempt.
        if (failures === 0) log.warn({ err }, 'outbox waits')
        failures += 1
        await pause(Math.min(backoffMs.first * 2 ** failures, backoffMs.most))
      }
    }
  }
  const running = loop()

  return {
    wake: () => woken.resolve(),
    async close() {
      stopped.abort()
      await running
    },
  }
}
