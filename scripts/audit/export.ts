import { setTimeout as delay } from 'node:timers/promises'
import { EventRefused, listenerStreams, readEvent } from '@rekey/contracts'
import { type Consumer, type JsMsg, millis, type NatsConnection, NatsError } from 'nats'
import { durable } from './consumers.ts'
import { type OcsfEvent, toBaseEvent, toOcsf } from './ocsf.ts'
import type { Output } from './output.ts'

interface Options {
  connection: NatsConnection
  /** JetStream domain under which the broker offers the consumers to this user's account. */
  domain: string | undefined
  output: Output
  /** False: returns once no event waits. */
  follow: boolean
  signal: AbortSignal
  /** Told of a failure that is retried, once for failures in a row. */
  warn(message: string): void
}

const batchSize = 500
/** Least that the library allows; how long a few events wait to be a batch. */
const batchMs = 1_000
const retryMs = 1_000

/** A message of the broker as OCSF. One that is no event of this version becomes a Base Event. */
export const convert = (message: Pick<JsMsg, 'headers' | 'data' | 'subject' | 'info'>): OcsfEvent => {
  const { headers, subject, info } = message
  const unreadable = (detail: string) =>
    toBaseEvent(
      {
        id: headers?.get('ce-id') || `${info.stream}.${info.streamSequence}`,
        source: headers?.get('ce-source') || 'unknown',
        type: subject,
        timeMs: millis(info.timestampNanos),
      },
      detail,
    )
  try {
    const event = readEvent(message)
    if (event?.type === subject) return toOcsf(event)
    return unreadable(`this version does not know the event ${subject}: update the export`)
  } catch (error) {
    if (error instanceof EventRefused) return unreadable(`not a valid event: ${error.message}`)
    throw error
  }
}

const isMissing = (error: unknown) => error instanceof NatsError && /consumer not found/.test(error.message)

const open = async ({ connection, domain }: Options, stream: string): Promise<Consumer> => {
  try {
    const js = connection.jetstream(domain === undefined ? {} : { domain })
    return await js.consumers.get(stream, durable)
  } catch (error) {
    if (!isMissing(error)) throw error
    throw new Error(`the stream ${stream} has no consumer ${durable}: run npm run audit -- --setup as the user streams`)
  }
}

/** Exports what waits, up to a batch. @returns the number of events */
const exportBatch = async (consumer: Consumer, output: Output): Promise<number> => {
  const messages: JsMsg[] = []
  for await (const message of await consumer.fetch({ max_messages: batchSize, expires: batchMs }))
    messages.push(message)
  if (messages.length === 0) return 0
  await output.write(messages.map((message) => `${JSON.stringify(convert(message))}\n`).join(''))
  // After the lines are stored: a process that is killed before gets the events again, and repeats their lines.
  for (const message of messages) message.ack()
  return messages.length
}

/** Counts events that the broker has sent to a process that was killed, too. */
const isAllExported = async (consumer: Consumer) => {
  const { num_pending: waiting, num_ack_pending: unacknowledged } = await consumer.info()
  return waiting + unacknowledged === 0
}

const exportStream = async (options: Options, stream: string): Promise<void> => {
  const { connection, output, follow, signal, warn } = options
  let failed = false
  while (!signal.aborted) {
    try {
      const consumer = await open(options, stream)
      while (!signal.aborted) {
        const count = await exportBatch(consumer, output)
        failed = false
        if (follow || count > 0) continue
        // Acknowledgements have no answer: once this has one, they have arrived.
        await connection.flush()
        if (await isAllExported(consumer)) return
      }
    } catch (error) {
      if (!follow || connection.isClosed()) throw error
      if (!failed) warn(`${stream}: ${(error as Error).message}; trying again`)
      failed = true
      await delay(retryMs, undefined, { signal }).catch(() => {})
    }
  }
}

/** Lines of several streams, one batch at a time. */
const inTurn = ({ write, close }: Output): Output => {
  let last: Promise<unknown> = Promise.resolve()
  return {
    write(lines) {
      const written = last.then(() => write(lines))
      last = written.catch(() => {})
      return written
    },
    close,
  }
}

/**
 * Exports the events of all streams that other services read, at least once each: it acknowledges an event once its line is
 * stored. Resolves when no event waits, or with `follow` once the signal is aborted.
 *
 * @throws Error if a consumer is missing, or, without `follow`, if the broker or the output fails
 */
export const exportEvents = async (options: Options): Promise<void> => {
  const output = inTurn(options.output)
  await Promise.all(listenerStreams.map((stream) => exportStream({ ...options, output }, stream)))
}
