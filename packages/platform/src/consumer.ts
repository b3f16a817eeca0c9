import { setTimeout as delay } from 'node:timers/promises'
import { durableName, type EventData, type EventDefinition } from '@rekey/contracts'
import { AckPolicy, type JsMsg, millis, nanos } from 'nats'
import pLimit from 'p-limit'
import type { Broker } from './broker.ts'
import type { Now } from './clock.ts'
import { watchConsumer } from './consumer-figures.ts'
import { createDeadLetters } from './dead-letter.ts'
import type { Logger } from './logger.ts'
import type { Metrics } from './metrics.ts'
import type { Progress } from './progress.ts'
import { pull } from './pull.ts'
import type { Random } from './random.ts'
import { streamOf } from './streams.ts'
import { runInTrace } from './trace.ts'
import { compileCheck } from './validation.ts'

/** What a handler gets beside the data. */
export interface Delivery {
  /** CloudEvents id: the same at every redelivery. */
  eventId: string
  /** CloudEvents time: when it happened, by the publisher's clock. An invalid one where the event does not say. */
  time: Date
}

/** Thrown by a handler that can never succeed: the message becomes a dead letter at once. */
export class PermanentError extends Error {}

export interface ConsumerDeps {
  broker: Broker
  metrics: Metrics
  progress: Progress
  now: Now
  random: Random
  log: Logger
  /** Names the durable consumer, so that instances of one service share the work. */
  service: string
  /** How long an event whose handling fails is tried again, from its publication on. */
  retryMs: number
}

/** A pause, of random length within its bounds, before an event is handled. */
export interface Pause {
  shortestMs: number
  longestMs: number
  /** Most events that an instance has in hand: those that pause and those that are handled. */
  mostInHand: number
}

interface Consumption<E extends EventDefinition> {
  event: E
  /** Events that each instance handles at a time. */
  concurrency: number
  pause?: Pause
  /** Must be safe to run twice. */
  handle(data: EventData<E>, delivery: Delivery): Promise<void>
}

export interface Consumer {
  /** Takes no more, waits for what is being handled and gives back what waits for its turn. */
  close(): Promise<void>
}

/** Redelivery after a consumer died. Longer work, and longer waits for a turn, send heartbeats. */
const ackWaitMs = 10_000
const backoffMs = [250, 1_000, 2_000, 5_000, 10_000, 20_000, 30_000]
/**
 * Messages that are in hand or wait for their next try, over all instances: the broker delivers no others beyond it.
 * Enough that failing messages do not hold up good ones, and little enough for the broker, which keeps each in memory
 * and looks through all of them when one is due. More than so many failing at once is an outage of what they need.
 */
const mostUnacknowledged = 10_000

const pauseMs = ({ shortestMs, longestMs }: Pause, random: Random): number =>
  shortestMs + (random.bytes(2).readUInt16BE() / 2 ** 16) * (longestMs - shortestMs)

/** Consumes one event with the three ends that a message can have: acknowledged, tried again later, dead letter. */
export const consume = <E extends EventDefinition>(
  deps: ConsumerDeps,
  { event, concurrency, pause, handle }: Consumption<E>,
): Consumer => {
  const { broker, now, random, log, service, retryMs } = deps
  const limit = pLimit(concurrency)
  // Half as many again wait for a turn here, so that no turn is lost while the broker is asked for more.
  const capacity = pause?.mostInHand ?? concurrency + Math.ceil(concurrency / 2)
  const stream = streamOf(event.type)
  const durable = durableName(service, event.type)
  const valid = compileCheck(event.data)
  const deadLetters = createDeadLetters(deps)
  const stopped = new AbortController()

  const bury = async (message: JsMsg, reason: string) => {
    const { data, headers, info } = message
    const msgID = `${durable}.${info.streamSequence}`
    await deadLetters.store({ type: event.type, data, headers, reason, msgID })
    // Without the reason: servers before 2.10.4 do not know a termination that has one, and would deliver again.
    message.term()
    log.error({ event: event.type, eventId: headers?.get('ce-id'), reason }, 'dead letter')
  }

  const deliver = async (message: JsMsg) => {
    let data: unknown
    try {
      data = message.json()
    } catch {
      throw new PermanentError('not JSON')
    }
    if (!valid(data)) throw new PermanentError('not as the contract says')
    const time = new Date(message.headers?.get('ce-time') ?? '')
    await handle(data as EventData<E>, { eventId: message.headers?.get('ce-id') ?? '', time })
    message.ack()
  }

  /** Each step of the backoff is used all the same: the consumer may have been away for longer than that. */
  const isOverdue = ({ timestampNanos, redeliveryCount }: JsMsg['info']) =>
    now().getTime() - millis(timestampNanos) >= retryMs && redeliveryCount > backoffMs.length

  const settle = async (message: JsMsg) => {
    try {
      await deliver(message)
    } catch (err) {
      const attempt = message.info.redeliveryCount
      const hopeless = err instanceof PermanentError || isOverdue(message.info)
      try {
        if (hopeless) return await bury(message, (err as Error).message)
      } catch (buryError) {
        log.warn({ err: buryError }, 'dead letter not stored yet')
      }
      log.warn({ event: event.type, eventId: message.headers?.get('ce-id'), attempt, err }, 'will be tried again')
      message.nak(backoffMs[Math.min(attempt - 1, backoffMs.length - 1)])
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
        // The connection is closed for good: the broker delivers the message again.
        clearInterval(heartbeat)
      }
    }, ackWaitMs / 3)
    try {
      if (pause) await delay(pauseMs(pause, random), undefined, stopped).catch(() => {})
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
      max_ack_pending: mostUnacknowledged,
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
