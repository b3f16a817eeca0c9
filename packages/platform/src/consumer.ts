import { setTimeout as delay } from 'node:timers/promises'
import { type EventData, type EventDefinition, type StreamName, streams } from '@rekey/contracts'
import {
  AckPolicy,
  type ConsumerConfig,
  type ConsumerMessages,
  headers,
  type JetStreamManager,
  type JsMsg,
  type NatsConnection,
  NatsError,
  nanos,
  type Subscription,
} from 'nats'
import pLimit from 'p-limit'
import type { Broker } from './broker.ts'
import type { Logger } from './logger.ts'
import type { Random } from './random.ts'
import { runInTrace } from './trace.ts'
import { compileCheck } from './validation.ts'

/** What a handler is told beside the data. */
export interface Delivery {
  /** CloudEvents id: the same at every redelivery. */
  eventId: string
  /** CloudEvents time: when it happened, by the publisher's clock. An invalid one where the event does not say. */
  time: Date
}

/** Thrown by a handler that can never succeed: the message becomes a dead letter at once. */
export class GiveUp extends Error {}

export interface ConsumerDeps {
  broker: Broker
  random: Random
  log: Logger
  /** Names the durable consumer, so that instances of one service share the work. */
  service: string
}

/** A pause, of random length within its bounds, before an event is handled. */
export interface Pause {
  shortestMs: number
  longestMs: number
  /** Events in hand at a time, over all instances: those that are handled and those that wait for it. */
  mostInHand: number
}

interface Consumption<E extends EventDefinition> {
  event: E
  /** Handled at a time: over all instances, or by each of them where there is a pause. */
  concurrency: number
  pause?: Pause
  /** Must be safe to run twice. */
  handle(data: EventData<E>, delivery: Delivery): Promise<void>
}

export interface Consumer {
  /** Takes no more and waits for what is in hand. */
  close(): Promise<void>
}

/** Redelivery of a message whose consumer died. Longer work, and longer waits for it, say that they go on. */
const ackWaitMs = 10_000
const backoffMs = [250, 1_000, 2_000, 5_000, 10_000, 20_000, 30_000]
/** About a day at 30 s. A handler that knows better gives up earlier. */
const maxDeliveries = 2_900

const streamOf = (event: EventDefinition): StreamName => {
  const entry = Object.entries(streams).find(([, { events }]) => events.some(({ type }) => type === event.type))
  if (!entry) throw new Error(`${event.type} is in no stream`)
  return entry[0] as StreamName
}

/** What servers from 2.10 on say to a consumer that is there and has other settings; those before take the new ones. */
const existsOtherwise = 10_148

/** Has the durable consumer be there with these settings, whatever an older version of the service gave it. */
const bringUpToDate = async (
  { consumers }: JetStreamManager,
  stream: StreamName,
  settings: Partial<ConsumerConfig> & { durable_name: string },
) => {
  try {
    await consumers.add(stream, settings)
  } catch (error) {
    if (!(error instanceof NatsError) || error.api_error?.err_code !== existsOtherwise) throw error
    await consumers.update(stream, settings.durable_name, settings)
  }
}

const pauseMs = ({ shortestMs, longestMs }: Pause, random: Random): number =>
  shortestMs + (random.bytes(2).readUInt16BE() / 2 ** 16) * (longestMs - shortestMs)

/** Of the broker, which may be away. */
const leaveTimeoutMs = 1_000

/**
 * Takes what the broker has sent already, and no more. Closing alone would drop what is on its way: nobody would get it
 * before the broker has waited in vain for its acknowledgement.
 */
const leave = async (messages: ConsumerMessages) => {
  // Draining it is how the library ends the messages itself where a whole connection is drained.
  const { sub } = messages as ConsumerMessages & { sub: Subscription }
  const drained = sub.drain().then(() => messages.closed())
  await Promise.race([drained.catch(() => {}), delay(leaveTimeoutMs, undefined, { ref: false })])
  await messages.close()
}

/** Consumes one event with the three ends that a message can have: acknowledged, tried again later, dead letter. */
export const consume = <E extends EventDefinition>(
  { broker, random, log, service }: ConsumerDeps,
  { event, concurrency, pause, handle }: Consumption<E>,
): Consumer => {
  const limit = pLimit(concurrency)
  const mostInHand = pause?.mostInHand ?? concurrency
  const stream = streamOf(event)
  const durable = `${service}-${event.type.replaceAll('.', '-')}`
  const valid = compileCheck(event.data)
  const inHand = new Set<Promise<void>>()
  const stopped = new AbortController()
  let messages: ConsumerMessages | undefined
  let interrupted = false

  const bury = async (message: JsMsg, connection: NatsConnection, reason: string) => {
    const meta = headers()
    for (const [name, values] of message.headers ?? []) for (const value of values) meta.append(name, value)
    meta.delete('Nats-Msg-Id')
    meta.set('rekey-reason', reason.replaceAll(/\s+/g, ' '))
    await connection.jetstream().publish(`dead.${message.subject}`, message.data, {
      headers: meta,
      msgID: `${durable}.${message.info.streamSequence}`,
    })
    // Without the reason: servers before 2.10.4 do not know a termination that has one, and would deliver again.
    message.term()
    log.error({ event: event.type, eventId: message.headers?.get('ce-id'), reason }, 'dead letter')
  }

  const deliver = async (message: JsMsg) => {
    let data: unknown
    try {
      data = message.json()
    } catch {
      throw new GiveUp('not JSON')
    }
    if (!valid(data)) throw new GiveUp('not as the contract says')
    const time = new Date(message.headers?.get('ce-time') ?? '')
    await handle(data as EventData<E>, { eventId: message.headers?.get('ce-id') ?? '', time })
    message.ack()
  }

  const settle = async (message: JsMsg, connection: NatsConnection) => {
    try {
      await deliver(message)
    } catch (err) {
      const attempt = message.info.redeliveryCount
      const hopeless = err instanceof GiveUp || attempt >= maxDeliveries
      try {
        if (hopeless) return await bury(message, connection, (err as Error).message)
      } catch (buryError) {
        log.warn({ err: buryError }, 'dead letter not stored yet')
      }
      log.warn({ event: event.type, eventId: message.headers?.get('ce-id'), attempt, err }, 'will be tried again')
      message.nak(backoffMs[Math.min(attempt - 1, backoffMs.length - 1)])
    }
  }
  const take = async (message: JsMsg, connection: NatsConnection) => {
    const heartbeat = setInterval(() => message.working(), ackWaitMs / 3)
    try {
      if (pause) await delay(pauseMs(pause, random))
      await limit(() => runInTrace(random, message.headers?.get('traceparent'), () => settle(message, connection)))
    } finally {
      clearInterval(heartbeat)
    }
  }

  const receive = async (connection: NatsConnection) => {
    const jsm = await connection.jetstreamManager({ timeout: 2_000 })
    await bringUpToDate(jsm, stream, {
      durable_name: durable,
      filter_subject: event.type,
      ack_policy: AckPolicy.Explicit,
      ack_wait: nanos(ackWaitMs),
      // The broker holds back what exceeds it: the only bound on work in hand.
      max_ack_pending: mostInHand,
      max_deliver: -1,
    })
    const consumer = await connection.jetstream().consumers.get(stream, durable)
    messages = await consumer.consume({ max_messages: mostInHand, expires: 5_000, abort_on_missing_resource: true })
    // close() may have come while this was being set up.
    if (stopped.signal.aborted) void messages.close()
    interrupted = false
    for await (const message of messages) {
      const work = take(message, connection).finally(() => inHand.delete(work))
      inHand.add(work)
    }
  }

  const loop = async () => {
    while (!stopped.signal.aborted) {
      try {
        await receive(await broker.connected())
      } catch (err) {
        if (!stopped.signal.aborted && !interrupted) log.warn({ event: event.type, err }, 'consumer interrupted')
        interrupted = true
      }
      await delay(200, undefined, { signal: stopped.signal }).catch(() => {})
    }
  }
  // A server that came back may not know this consumer, or wait for a pull that it forgot: begin anew at once.
  broker.onConnect(async () => void messages?.close())
  void loop()

  return {
    async close() {
      stopped.abort()
      if (messages) await leave(messages)
      // The loop may still wait for a broker that is away; it ends when the broker is closed.
      await Promise.all(inHand)
    },
  }
}
