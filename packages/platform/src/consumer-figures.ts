import { setTimeout as delay } from 'node:timers/promises'
import type { StreamName } from '@rekey/contracts'
import { type JsMsg, millis } from 'nats'
import type { Broker } from './broker.ts'
import type { Now } from './clock.ts'
import { gauge, type Metrics } from './metrics.ts'
import type { Progress } from './progress.ts'

interface Deps {
  broker: Broker
  metrics: Metrics
  progress: Progress
  now: Now
  stream: StreamName
  durable: string
  /** Messages that this instance has in hand. */
  inHand(): Iterable<JsMsg>
}

export interface ConsumerFigures {
  /** This instance has settled a message. */
  moved(): void
  close(): void
}

const pollMs = 5_000
/** After a failure: a consumer that is just being created is seen soon. */
const retryMs = 1_000

const createGauges = (metrics: Metrics) => {
  const of = (name: string, help: string) =>
    gauge(metrics, { name: `rekey_consumer_${name}`, help, labelNames: ['consumer'] })
  return {
    waiting: of('waiting_messages', 'Messages that the broker has not delivered yet'),
    unacknowledged: of('unacknowledged_messages', 'Messages in hand or waiting for their next try, of all instances'),
    redelivered: of('redelivered_messages', 'Unacknowledged messages that were delivered more than once'),
    oldestAge: of(
      'oldest_age_seconds',
      'Age of the oldest message in hand here, or the time for which the acknowledgement floor has stood still while ' +
        'messages wait, whichever is longer; 0 if none wait',
    ),
  }
}

/**
 * Asks the broker every 5 s what waits for a durable consumer, for the metrics and for progress. Messages move when
 * the broker delivers one to any instance or this instance settles one.
 */
export const watchConsumer = ({ broker, metrics, progress, now, stream, durable, inHand }: Deps): ConsumerFigures => {
  const gauges = createGauges(metrics)
  const part = progress.watch(`consumer ${durable}`)
  const stopped = new AbortController()
  let delivered = -1
  let floor = { sequence: -1, sinceMs: 0 }

  /** @throws while the broker is away or does not know the consumer yet */
  const ask = async () => {
    const jsm = await broker.connection().jetstreamManager({ timeout: 2_000, checkAPI: false })
    const info = await jsm.consumers.info(stream, durable)
    const nowMs = now().getTime()
    const held = [...inHand()]
    const waits = info.num_pending + info.num_ack_pending > 0
    if (!waits || info.ack_floor.consumer_seq !== floor.sequence) {
      floor = { sequence: info.ack_floor.consumer_seq, sinceMs: nowMs }
    }
    const oldestMs = Math.min(floor.sinceMs, ...held.map(({ info }) => millis(info.timestampNanos)))
    gauges.waiting.set({ consumer: durable }, info.num_pending)
    gauges.unacknowledged.set({ consumer: durable }, info.num_ack_pending)
    gauges.redelivered.set({ consumer: durable }, info.num_redelivered)
    gauges.oldestAge.set({ consumer: durable }, waits ? Math.max(0, nowMs - oldestMs) / 1_000 : 0)

    // What waits for its next try is not counted: it does not move for up to 30 s, as it should.
    part.waiting(info.num_pending + held.length)
    if (info.delivered.consumer_seq !== delivered) part.moved()
    delivered = info.delivered.consumer_seq
  }

  const poll = async () => {
    while (!stopped.signal.aborted) {
      const waitMs = await ask().then(
        () => pollMs,
        () => retryMs,
      )
      await delay(waitMs, undefined, { signal: stopped.signal, ref: false }).catch(() => {})
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
