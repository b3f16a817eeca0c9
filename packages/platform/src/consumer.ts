import { clockSlackSeconds, durableName, type EventData, type EventDefinition } from '@rekey/contracts'
import { AckPolicy, type JsMsg, millis, nanos } from 'nats'
import pLimit from 'p-limit'
import type { Broker } from './broker.ts'
import type { Now } from './clock.ts'
import { decodeHeader } from './cloud-event-headers.ts'
import { watchConsumer } from './consumer-figures.ts'
import { createDeadLetters } from './dead-letter.ts'
import type { Logger } from './logger.ts'
import type { Metrics } from './metrics.ts'
import type { Progress } from './progress.ts'
import { pull } from './pull.ts'
import type { Random } from './random.ts'
import { backoff, pause as pauseFor } from './retry.ts'
import { streamOf } from './streams.ts'
import { runInTrace } from './trace.ts'
import { compileCheck } from './validation.ts'

/** Attributes of an event that a handler gets besides the data. */
export interface Delivery {
  /** CloudEvents id: equal at every redelivery. */
  eventId: string
  /** CloudEvents time by the publisher's clock, at most five minutes ahead. An invalid Date if the event has none. */
  time: Date
  /** Number of this delivery, from 1; over all instances. */
  attempt: number
  /** True if the event becomes a dead letter should this attempt fail. */
  isLastAttempt: boolean
}

const rfc3339 = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/i
/** Postgres stores no later time, and no event of ours is older than 1970. */
const endOfTimeMs = Date.UTC(10_000, 0)

/**
 * Reads the CloudEvents attribute `time` (RFC 3339).
 *
 * @returns an invalid Date if it is malformed, or not between the years 1970 and 9999
 */
export const readEventTime = (text: string): Date => {
  const time = new Date(rfc3339.test(text) ? text : Number.NaN)
  return time.getTime() >= 0 && time.getTime() < endOfTimeMs ? time : new Date(Number.NaN)
}

/** Thrown by a handler that can never succeed: the event becomes a dead letter without a retry. */
export class PermanentError extends Error {}

/** Thrown by a handler whose event has to wait: the broker redelivers it after this time. Nothing failed. */
export class LaterError extends Error {
  readonly afterMs: number

  constructor(afterMs: number) {
    super('the event has to wait')
    this.afterMs = afterMs
  }
}

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

/** A random pause before an event is handled. */
export interface Pause {
  shortestMs: number
  longestMs: number
  /** Maximum number of events per instance that pause or are handled. */
  mostInHand: number
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
const pausesMs = [250, 1_000, 2_000, 5_000, 10_000, 20_000, 30_000] as const
/**
 * Messages that are handled or wait for a retry, over all instances: the broker delivers no more beyond it. High enough
 * that failing messages do not delay good ones; low enough for the broker, which keeps each in memory and scans all of
 * them when one is due.
 */
const maxUnacknowledged = 10_000

const randomMs = ({ shortestMs, longestMs }: Pause, random: Random): number =>
  shortestMs + (random.bytes(2).readUInt16BE() / 2 ** 16) * (longestMs - shortestMs)

/** Consumes one event. Each message is acknowledged, retried with backoff, or stored as a dead letter. */
export const consume = <E extends EventDefinition>(
  deps: ConsumerDeps,
  { event, concurrency, pause, handle }: Consumption<E>,
): Consumer => {
  const { broker, now, random, log, service, retryMs } = deps
  const limit = pLimit(concurrency)
  // Half as many again are queued here, so that handlers do not idle while the next messages are requested.
  const capacity = pause?.mostInHand ?? concurrency + Math.ceil(concurrency / 2)
  const stream = streamOf(event.type)
  const durable = durableName(service, event.type)
  const valid = compileCheck(event.data)
  const deadLetters = createDeadLetters(deps)
  const stopped = new AbortController()

  const deadLetter = async (message: JsMsg, reason: string) => {
    const { data, headers, info } = message
    const msgID = `${durable}.${info.streamSequence}`
    await deadLetters.store({ type: event.type, data, headers, reason, msgID })
    // No reason in the acknowledgement: servers before 2.10.4 ignore a termination with one and redeliver.
    message.term()
    log.error({ event: event.type, eventId: headers?.get('ce-id'), reason }, 'dead letter')
  }

  /** All pauses are used first: the whole service may have been down for longer than retryMs. */
  const isOverdue = ({ timestampNanos, redeliveryCount }: JsMsg['info']) =>
    now().getTime() - millis(timestampNanos) >= retryMs && redeliveryCount > pausesMs.length

  const deliver = async (message: JsMsg) => {
    let data: unknown
    try {
      data = message.json()
    } catch {
      throw new PermanentError('the data is not JSON')
    }
    if (!valid(data)) throw new PermanentError('the data does not match the contract')
    const attribute = (name: string) => decodeHeader(message.headers?.get(`ce-${name}`) ?? '')
    const [type, eventId] = [attribute('type'), attribute('id')]
    if (type === undefined || eventId === undefined) throw new PermanentError('a header is not UTF-8')
    // A stream or consumer that puts a service's events on other subjects cannot change the headers (S47).
    if (type !== event.type) throw new PermanentError(`ce-type is ${type || 'missing'}, not the subject`)
    const time = readEventTime(attribute('time') ?? '')
    if (time.getTime() > now().getTime() + clockSlackSeconds * 1_000)
      throw new PermanentError('ce-time is in the future')
    const { redeliveryCount: attempt } = message.info
    await handle(data as EventData<E>, { eventId, time, attempt, isLastAttempt: isOverdue(message.info) })
    message.ack()
  }

  const settle = async (message: JsMsg) => {
    try {
      await deliver(message)
    } catch (err) {
      if (err instanceof LaterError) return message.nak(err.afterMs)
      const attempt = message.info.redeliveryCount
      const isFinal = err instanceof PermanentError || isOverdue(message.info)
      try {
        if (isFinal) return await deadLetter(message, (err as Error).message)
      } catch (storeError) {
        log.warn({ err: storeError }, 'dead letter not stored yet')
      }
      log.warn(
        { event: event.type, eventId: message.headers?.get('ce-id'), attempt, err },
        'event not handled: will be retried',
      )
      message.nak(backoff(pausesMs, attempt))
    }
  }

  const settleInTurn = (message: JsMsg) =>
    limit(() => {
      if (stopped.signal.aborted) return message.nak()
      return runInTrace(random, message.headers?.get('traceparent'), () => settle(message))
    })

  const take = async (message: JsMsg) => {
    const heartbeat = setInterval(() => {
      try {
        message.working()
      } catch {
        // The connection is closed for good: the broker redelivers the message.
        clearInterval(heartbeat)
      }
    }, ackWaitMs / 3)
    try {
      if (pause) await pauseFor(randomMs(pause, random), stopped.signal)
      await settleInTurn(message)
      figures.moved()
    } finally {
      clearInterval(heartbeat)
    }
  }

  const pulling = pull({
    broker,
    log,
    stream,
    settings: {
      durable_name: durable,
      filter_subject: event.type,
      ack_policy: AckPolicy.Explicit,
      ack_wait: nanos(ackWaitMs),
      max_ack_pending: maxUnacknowledged,
      max_deliver: -1,
    },
    capacity,
    leastRoom: Math.ceil((capacity - concurrency) / 4),
    take,
  })
  const figures = watchConsumer({ ...deps, stream, durable, inHand: pulling.inHand })

  return {
    async close() {
      stopped.abort()
      await pulling.close()
      figures.close()
    },
  }
}
