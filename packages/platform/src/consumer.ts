import { durableName, type EventData, type EventDefinition } from '@rekey/contracts'
import { AckPolicy, type JsMsg, nanos } from 'nats'
import pLimit from 'p-limit'
import type { Broker } from './broker.ts'
import type { Now } from './clock.ts'
import { watchConsumer } from './consumer-figures.ts'
import { consumerSpan } from './consumer-span.ts'
import { createReader, type Delivery } from './delivery.ts'
import { startHeartbeat } from './heartbeat.ts'
import type { Logger } from './logger.ts'
import type { Metrics } from './metrics.ts'
import { type Pause, pauseMs } from './pause.ts'
import type { Progress } from './progress.ts'
import { type Pulling, pull } from './pull.ts'
import type { Random } from './random.ts'
import { pause as pauseFor } from './retry.ts'
import { createSettling } from './settle.ts'
import { streamOf } from './streams.ts'
import { currentSpan, runAsSpan } from './trace.ts'

export { type Delivery, LaterError, PermanentError } from './delivery.ts'
export type { Pause } from './pause.ts'

export interface ConsumerDeps {
  broker: Broker
  metrics: Metrics
  progress: Progress
  now: Now
  random: Random
  log: Logger
  /** Part of the durable consumer's name: all instances of a service share the work. */
  service: string
  /** How long a failing event is retried, counted from its publication. */
  retryMs: number
}

interface Consumption<E extends EventDefinition> {
  event: E
  /** Number of events that each instance handles at a time. */
  concurrency: number
  pause?: Pause
  /** Must be idempotent: delivery is at least once. */
  handle(data: EventData<E>, delivery: Delivery): Promise<void>
}

export interface Consumer {
  /** Stops pulling, waits for the handlers that run, and returns queued messages to the broker. */
  close(): Promise<void>
}

/** The broker redelivers after this time without a heartbeat: an instance that died loses its messages to others. */
const ackWaitMs = 10_000
/**
 * Messages that are handled or wait for a retry, over all instances: the broker delivers no more beyond it. High enough
 * that failing messages do not delay good ones; low enough for the broker, which keeps each in memory and scans all of
 * them when one is due.
 */
const maxUnacknowledged = 10_000

/** The settings of the durable consumer through which the instances of a service share one event. */
export const consumerSettings = (service: string, type: string) => ({
  durable_name: durableName(service, type),
  filter_subject: type,
  ack_policy: AckPolicy.Explicit,
  ack_wait: nanos(ackWaitMs),
  max_ack_pending: maxUnacknowledged,
  max_deliver: -1,
})

interface Intake {
  event: EventDefinition
  /** Maximum number of messages in hand. */
  capacity: number
  /** Requests more messages once this many fit in. */
  leastRoom: number
  /** Settles one message. */
  take(message: JsMsg): Promise<void>
}

/** Pulls messages of one event into this instance, keeps those in hand alive, and measures the durable consumer. */
export const openIntake = (deps: ConsumerDeps, { event, take, ...room }: Intake): Pick<Pulling, 'close'> => {
  const { broker, log, service } = deps
  const stream = streamOf(event.type)
  const durable = durableName(service, event.type)
  const pulling = pull({
    ...room,
    broker,
    log,
    stream,
    settings: consumerSettings(service, event.type),
    async take(message) {
      await take(message)
      figures.moved()
    },
  })
  const heartbeat = startHeartbeat(pulling.inHand, ackWaitMs / 3)
  const figures = watchConsumer({ ...deps, stream, durable, inHand: pulling.inHand })

  return {
    async close(onLeft) {
      await pulling.close(onLeft)
      heartbeat.close()
      figures.close()
    },
  }
}

/** Consumes one event. Each message is acknowledged, retried with backoff, or stored as a dead letter. */
export const consume = <E extends EventDefinition>(
  deps: ConsumerDeps,
  { event, concurrency, pause, handle }: Consumption<E>,
): Consumer => {
  const { now, random, service } = deps
  const limit = pLimit(concurrency)
  // Half as many again are queued here, so that handlers do not idle while the next messages are requested.
  const capacity = pause?.mostInHand ?? concurrency + Math.ceil(concurrency / 2)
  const read = createReader(event, now)
  const settling = createSettling({ ...deps, type: event.type, durable: durableName(service, event.type) })
  const stopped = new AbortController()
  const span = consumerSpan(event, service)

  const settle = async (message: JsMsg) => {
    try {
      const { data, ...attributes } = read(message)
      const attempt = message.info.redeliveryCount
      currentSpan()?.set({ 'rekey.attempt': attempt })
      await handle(data, { ...attributes, attempt, isLastAttempt: settling.isLastAttempt(message) })
      message.ack()
    } catch (error) {
      currentSpan()?.fail(error)
      await settling.fail(message, error)
    }
  }

  const intake = openIntake(deps, {
    event,
    capacity,
    leastRoom: Math.ceil((capacity - concurrency) / 4),
    async take(message) {
      if (pause) await pauseFor(pauseMs(pause, random), stopped.signal)
      await limit(() => {
        if (stopped.signal.aborted) return message.nak()
        const caller = message.headers?.get('traceparent')
        return runAsSpan(random, caller, span, () => settle(message))
      })
    },
  })

  return {
    async close() {
      stopped.abort()
      await intake.close()
    },
  }
}
