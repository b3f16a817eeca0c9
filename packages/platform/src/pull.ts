import { setTimeout as delay } from 'node:timers/promises'
import type { StreamName } from '@rekey/contracts'
import {
  type ConsumerConfig,
  type ConsumerMessages,
  type JetStreamManager,
  type JsMsg,
  type NatsConnection,
  NatsError,
  type Subscription,
} from 'nats'
import type { Broker } from './broker.ts'
import type { Logger } from './logger.ts'
import { pause } from './retry.ts'

interface Source {
  broker: Broker
  log: Logger
  stream: StreamName
  settings: Partial<ConsumerConfig> & { durable_name: string }
  /** Maximum number of messages that are handled or queued. */
  capacity: number
  /** Requests more messages once this many fit in: fewer requests than one per message. */
  leastRoom: number
  /** Handles and acknowledges one message. */
  take(message: JsMsg): Promise<void>
}

export interface Pulling {
  /** Messages that are handled or queued, in order of arrival. */
  inHand(): Iterable<JsMsg>
  /**
   * Stops requesting, takes the messages that the broker has already sent, and waits until all are handled. `onLeft` is
   * called once no more arrive: a message that is returned before could be sent here again.
   */
  close(onLeft?: () => void): Promise<void>
}

/** Error of servers from 2.10 on if the consumer exists with other settings; older servers accept the new settings. */
const existsOtherwise = 10_148

/** Creates the durable consumer, or updates the settings that an older version of the service gave it. */
const createOrUpdate = async ({ consumers }: JetStreamManager, { stream, settings }: Source) => {
  try {
    await consumers.add(stream, settings)
  } catch (error) {
    if (!(error instanceof NatsError) || error.api_error?.err_code !== existsOtherwise) throw error
    await consumers.update(stream, settings.durable_name, settings)
  }
}

/** Pause before the pull starts again. */
const restartMs = 200
const expiresMs = 5_000
/** The broker ends an expired request; this allows for the delay of that message on a busy machine. */
const graceMs = 2_000
/** Draining needs an answer of the broker, which may be unavailable. */
const leaveTimeoutMs = 1_000

/** Fields of the library's class that its interface lacks. */
type Fetched = ConsumerMessages & { sub: Subscription; timeout: { cancel(): void } | null }

/** Takes the messages that are on their way. Closing alone would drop them until their `ack_wait` ends. */
const leave = async (messages: ConsumerMessages) => {
  // The library does the same for each subscription when it drains a connection.
  const { sub } = messages as Fetched
  const drained = sub.drain().then(() => messages.closed())
  await Promise.race([drained.catch(() => {}), delay(leaveTimeoutMs, undefined, { ref: false })])
  await messages.close()
}

/**
 * Pulls from a durable consumer at most `capacity` messages. Each request is for as many as fit in: the library's
 * endless `consume` requests more as soon as messages arrive, handled or not.
 */
export const pull = (source: Source): Pulling => {
  const { broker, log, stream, settings, capacity, leastRoom, take } = source
  const inHand = new Map<JsMsg, Promise<void>>()
  const stopped = new AbortController()
  const { signal } = stopped
  let messages: ConsumerMessages | undefined
  let session = 0
  let interrupted = false
  let roomMade = () => {}

  const hasRoom = () => capacity - inHand.size >= leastRoom
  const room = () =>
    new Promise<void>((resolve) => {
      if (hasRoom() || signal.aborted) return resolve()
      roomMade = resolve
    })
  signal.addEventListener('abort', () => roomMade())

  const handle = (message: JsMsg) => {
    const settled = take(message)
      // Only the acknowledgement can fail, over a closed connection: the broker redelivers the message.
      .catch((err) => log.event('message_not_acknowledged', { err, consumer: settings.durable_name }))
      .finally(() => {
        inHand.delete(message)
        if (hasRoom()) roomMade()
      })
    inHand.set(message, settled)
  }

  const receive = async (connection: NatsConnection) => {
    const ownSession = session
    await createOrUpdate(await connection.jetstreamManager({ timeout: 2_000 }), source)
    const consumer = await connection.jetstream().consumers.get(stream, settings.durable_name)
    while (ownSession === session) {
      await room()
      if (signal.aborted) return
      const fetched = await consumer.fetch({ max_messages: capacity - inHand.size, expires: expiresMs })
      // The library's own timeout closes the request, which drops the messages that are on their way.
      ;(fetched as Fetched).timeout?.cancel()
      const late = setTimeout(() => void leave(fetched), expiresMs + graceMs)
      messages = fetched
      // close() may have been called during the fetch.
      if (signal.aborted) void fetched.close()
      interrupted = false
      try {
        for await (const message of fetched) handle(message)
      } finally {
        clearTimeout(late)
      }
    }
  }

  const loop = async () => {
    while (!signal.aborted) {
      try {
        await receive(await broker.connected())
      } catch (err) {
        if (!signal.aborted && !interrupted) log.event('consumer_interrupted', { consumer: settings.durable_name, err })
        interrupted = true
      }
      await pause(restartMs, signal)
    }
  }
  // After a reconnect the server may have lost the consumer and the request: start again at once.
  broker.onConnect(async () => {
    session += 1
    void messages?.close()
  })
  void loop()

  return {
    inHand: () => inHand.keys(),
    async close(onLeft) {
      stopped.abort()
      if (messages) await leave(messages)
      onLeft?.()
      // The loop may wait for a connection: it ends when the broker is closed.
      await Promise.all(inHand.values())
    },
  }
}
