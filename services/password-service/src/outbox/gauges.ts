import { counter, gauge, type Metrics } from '@rekey/platform/metrics'
import type { Database } from '../database.ts'
import { type OutboxStream, outboxStreams } from './lanes.ts'
import { countWaiting, findOldest } from './outbox.store.ts'

interface Deps {
  loops: Database
  metrics: Metrics
  now(): Date
}

interface Figures {
  stream: OutboxStream
  waiting: number
  held: number
  oldestAgeSeconds: number
}

/** Counting more rows would slow each scrape down; the age of the oldest event shows a longer backlog. */
const countedUpTo = 100_000

/** Gauges of the outbox, read at each scrape. They are absent while Postgres does not answer. */
export const createOutboxGauges = ({ loops, metrics, now }: Deps): void => {
  const read = async (stream: OutboxStream): Promise<Figures> => {
    const [depth, oldest] = await Promise.all([countWaiting(loops, stream, countedUpTo), findOldest(loops, stream)])
    return { stream, ...depth, oldestAgeSeconds: oldest ? (now().getTime() - oldest.getTime()) / 1_000 : 0 }
  }
  // The three gauges of a scrape share one query.
  let reading: Promise<Figures[]> | undefined
  const readOnce = () => {
    reading ??= Promise.all(outboxStreams.map(read)).finally(() => {
      reading = undefined
    })
    return reading
  }
  const addGauge = (name: string, help: string, pick: (figures: Figures) => number) =>
    gauge(metrics, {
      name,
      help,
      labels: { stream: outboxStreams },
      async collect() {
        this.reset()
        for (const figures of await readOnce().catch(() => [])) this.set({ stream: figures.stream }, pick(figures))
      },
    })
  addGauge(
    'rekey_outbox_waiting_events',
    `Events that wait for the broker, held ones included; counted up to ${countedUpTo}`,
    ({ waiting }) => waiting,
  )
  addGauge(
    'rekey_outbox_held_events',
    `Events that the broker rejected, and later ones of the same customers; they delay no others; counted up to ${countedUpTo}`,
    ({ held }) => held,
  )
  addGauge(
    'rekey_outbox_oldest_age_seconds',
    'Age of the oldest event that waits for the broker and is not held; 0 if none waits. While it grows, listeners get ' +
      'no events, and the gateway accepts sessions that a restore ended',
    ({ oldestAgeSeconds }) => oldestAgeSeconds,
  )
}

/** Counts publications that the broker rejected, by the event's type. */
export const createRefusalCounter = (metrics: Metrics) =>
  counter(metrics, {
    name: 'rekey_outbox_refused_total',
    help:
      'Publications that the broker rejected. Each event is retried after 1, 5, 15, 30 and then every 60 s, and becomes a ' +
      'dead letter after REKEY_EVENT_RETRY_HOURS',
    labels: { type: 'types of events' },
  })
