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

interface Source {
  broker: Broker
  log: Logger
  stream: StreamName
  settings: Partial<ConsumerConfig> & { durable_name: string }
  /** Most messages in hand. */
  capacity: number
  /** Asks for more once so many fit in: fewer requests than one for each message. */
  leastRoom: number
  /** Settles one message. */
  take(message: JsMsg): Promise<void>
}

export interface Pulling {
  /** What is being handled or waits for it, in the order in which it came. */
  inHand(): Iterable<JsMsg>
  /** Asks for no more, takes what the broker has sent already and waits until all of it is settled. */
  close(): Promise<void>
}

/** Answer of servers from 2.10 on where the consumer exists with other settings; those before take the new ones. */
const existsOtherwise = 10_148

/** Creates the durable consumer or brings its settings up to date: an older version of the service may have made it. */
const bringUpToDate = async ({ consumers }: JetStreamManager, { stream, settings }: Source) => {
  try {
    await consumers.add(stream, settings)
  } catch (error) {
    if (!(error instanceof NatsError) || error.api_error?.err_code !== existsOtherwise) throw error
    await consumers.update(stream, settings.durable_name, settings)
  }
}

const expiresMs = 5_000
/** The broker ends a request when it expires. Longer than that takes to arrive on a busy machine. */
const graceMs = 2_000
/** Of the broker, which may be away. */
const leaveTimeoutMs = 1_000

/** What the library's own class has beside its interface. */
type Fetched = ConsumerMessages & { sub: Subscription; timeout: { cancel(): void } | null }

/** Takes what is on its way. Closing alone would drop it: no instance would get it before its `ack_wait` is over. */
const leave = async (messages: ConsumerMessages) => {
  // Draining it is how the library ends the messages itself where a whole connection is drained.
  const { sub } = messages as Fetched
  const drained = sub.drain().then(() => messages.closed())
  await Promise.race([drained.catch(() => {}), delay(leaveTimeoutMs, undefined, { ref: false })])
  await messages.close()
}

/**
 * Pulls from a durable consumer no more than fits in hand. Requests are made one by one, each for what there is room
 * for: the library's endless `consume` asks for more as soon as messages arrive, settled or not.
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

  const hold = (message: JsMsg) => {
    const settled = take(message)
      // Only the answer to the broker fails, over a connection that is closed: the broker delivers the message again.
      .catch((err) => log.warn({ err, consumer: settings.durable_name }, 'message not acknowledged'))
      .finally(() => {
        inHand.delete(message)
        if (hasRoom()) roomMade()
      })
    inHand.set(message, settled)
  }

  const receive = async (connection: NatsConnection) => {
    const ownSession = session
    await bringUpToDate(await connection.jetstreamManager({ timeout: 2_000 }), source)
    const consumer = await connection.jetstream().consumers.get(stream, settings.durable_name)
    while (ownSession === session) {
      await room()
      if (signal.aborted) return
      const fetched = await consumer.fetch({ max_messages: capacity - inHand.size, expires: expiresMs })
      // The library closes late requests, which drops what is on its way.
      ;(fetched as Fetched).timeout?.cancel()
      const late = setTimeout(() => void leave(fetched), expiresMs + graceMs)
      messages = fetched
      // close() may have come meanwhile.
      if (signal.aborted) void fetched.close()
      interrupted = false
      try {
        for await (const message of fetched) hold(message)
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
        if (!signal.aborted && !interrupted) log.warn({ consumer: settings.durable_name, err }, 'consumer interrupted')
        interrupted = true
      }
      await delay(200, undefined, { signal }).catch(() => {})
    }
  }
  // A server that came back may not know this consumer, or a request that was made before: begin anew at once.
  broker.onConnect(async () => {
    session += 1
    void messages?.close()
  })
  void loop()

  return {
    inHand: () => inHand.keys(),
    async close() {
      stopped.abort()
      if (messages) await leave(messages)
      // The loop may still wait for a broker that is away; it ends when the broker is closed.
      await Promise.all(inHand.values())
    },
  }
}
