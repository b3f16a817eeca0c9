import type { StreamName } from '@rekey/contracts'
import { type JsMsg, millis } from 'nats'
import type { Broker } from './broker.ts'
import type { Now } from './clock.ts'
import { gauge, type Metrics } from './metrics.ts'
import type { Progress } from './progress.ts'
import { pause } from './retry.ts'

interface Deps {
  broker: Broker
  metrics: Metrics
  progress: Progress
  now: Now
  stream: StreamName
  durable: string
  /** Messages that this instance handles or has queued. */
  inHand(): Iterable<JsMsg>
}

export interface ConsumerFigures {
  /** Call when this instance has acknowledged, rejected or dead-lettered a message. */
  moved(): void
  close(): void
}

const pollMs = 5_000
/** Shorter after a failure: the consumer may be about to be created. */
const retryMs = 1_000

const createGauges = (metrics: Metrics) => {
  const of = (name: string, help: string) =>
    gauge(metrics, { name: `rekey_consumer_${name}`, help, labels: { consumer: 'durable consumers of the service' } })
  return {
    waiting: of('waiting_messages', 'Messages that the broker has not delivered yet'),
    unacknowledged: of(
      'unacknowledged_messages',
      'Messages in process or waiting for a retry, of all instances. At 10,000 the broker delivers no more',
    ),
    redelivered: of(
      'redelivered_messages',
      'Unacknowledged messages that were delivered more than once, since a handler failed',
    ),
    oldestAge: of(
      'oldest_age_seconds',
      'Age of the oldest message that this instance handles, or time since the acknowledgement floor last rose while ' +
        'messages wait, whichever is longer; 0 if none wait. Too low if the oldest waits for a retry and arrived long ' +
        'before its first failure',
    ),
  }
}

/**
 * Reads the state of a durable consumer from the broker every 5 s, for the metrics and for progress. Progress means: the
 * broker delivered a message to any instance, or this instance finished one.
 */
export const watchConsumer = ({ broker, metrics, progress, now, stream, durable, inHand }: Deps): ConsumerFigures => {
  const gauges = createGauges(metrics)
  const part = progress.watch(`consumer ${durable}`)
  const stopped = new AbortController()
  let delivered = -1
  let floor = { sequence: -1, sinceMs: 0 }

  /** @throws while the broker is unavailable or the consumer does not exist yet */
  const update = async () => {
    const jsm = await broker.connection().jetstreamManager({ timeout: 2_000, checkAPI: false })
    const info = await jsm.consumers.info(stream, durable)
    const nowMs = now().getTime()
    const handled = [...inHand()]
    const waits = info.num_pending + info.num_ack_pending > 0
    if (!waits || info.ack_floor.consumer_seq !== floor.sequence) {
      floor = { sequence: info.ack_floor.consumer_seq, sinceMs: nowMs }
    }
    const oldestMs = Math.min(floor.sinceMs, ...handled.map(({ info }) => millis(info.timestampNanos)))
    gauges.waiting.set({ consumer: durable }, info.num_pending)
    gauges.unacknowledged.set({ consumer: durable }, info.num_ack_pending)
    gauges.redelivered.set({ consumer: durable }, info.num_redelivered)
    gauges.oldestAge.set({ consumer: durable }, waits ? Math.max(0, nowMs - oldestMs) / 1_000 : 0)

    // Messages that wait for a retry are not counted: they rightly make no progress for up to 30 s.
    part.waiting(info.num_pending + handled.length)
    if (info.delivered.consumer_seq !== delivered) part.moved()
    delivered = info.delivered.consumer_seq
  }

  const poll = async () => {
    while (!stopped.signal.aborted) {
      const waitMs = await update().then(
        () => pollMs,
        () => retryMs,
      )
      await pause(waitMs, stopped.signal)
    }
  }
  void poll()
  return {
    moved: part.moved,
    close() {
      stopped.abort()
      part.waiting(0)
    },
  }
}
