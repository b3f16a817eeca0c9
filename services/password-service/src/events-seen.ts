import { setTimeout as pause } from 'node:timers/promises'
import { durableName, type EventData, type EventDefinition, unavailable } from '@rekey/contracts'
import type { Broker } from '@rekey/platform/broker'
import { lastStored, nextStored, storedEventReader } from '@rekey/platform/stored-events'
import { streamOf } from '@rekey/platform/streams'
import type { JetStreamManager } from 'nats'

interface Deps {
  broker: Broker
  /** Names the durable consumers. */
  service: string
}

interface Awaited<E extends EventDefinition> {
  /** Consumed by this service. */
  events: readonly E[]
  /** For the log, if they are not handled in time: a plural. */
  what: string
}

/** Handles one event. Safe to repeat: a consumer handles it too. @throws RekeyError unavailable */
type Handle<E extends EventDefinition> = (data: EventData<E>, time: Date) => Promise<void>

/** Longer than a consumer pauses before an event (after-answer.ts), and short enough for a caller to be answered 503. */
const waitMs = 1_500
const pollMs = 25
/** How long the consumers get to handle, before this function handles by itself. */
const graceMs = 300

/**
 * Returns a function that waits until this service has handled, in any instance, every event of these types that the
 * broker has stored by now. An event whose storage the broker acknowledged before the call has had its effect afterwards.
 */
export const createEventsSeen = <E extends EventDefinition>(
  { broker, service }: Deps,
  { events, what }: Awaited<E>,
) => {
  const readers = events.map((event) => ({
    type: event.type,
    stream: streamOf(event.type),
    read: storedEventReader(event),
  }))
  type Reader = (typeof readers)[number]

  /**
   * Handles the stored events between two sequence numbers. The broker redelivers those that an instance had in hand when
   * it ended only after its `ack_wait`, and one that cannot be handled is retried for longer: neither must keep all
   * customers waiting.
   */
  const handleBetween = async (
    jsm: JetStreamManager,
    { type, stream, read }: Reader,
    { after, to, handle }: { after: number; to: number; handle: Handle<E> },
    { signal }: { signal: AbortSignal },
  ) => {
    for (let seq = after + 1; seq <= to && !signal.aborted; ) {
      const message = await nextStored(jsm, stream, seq, type)
      if (!message || message.seq > to) return
      // The consumer makes a dead letter of what cannot be read.
      const event = read(message)
      if (event) await handle(event.data, event.time)
      seq = message.seq + 1
    }
  }

  /** Waits until all events of a type up to `to` are handled, or the signal aborts. */
  const handled = async (
    jsm: JetStreamManager,
    reader: Reader,
    { to, handle }: { to: number; handle: Handle<E> },
    overdue: { signal: AbortSignal },
  ) => {
    const startedMs = performance.now()
    while (!overdue.signal.aborted) {
      const { ack_floor: floor } = await jsm.consumers.info(reader.stream, durableName(service, reader.type))
      const after = floor.stream_seq
      if (after >= to) return
      if (performance.now() - startedMs > graceMs) return handleBetween(jsm, reader, { after, to, handle }, overdue)
      await pause(pollMs)
    }
  }

  const allHandled = async (handle: Handle<E>, overdue: { signal: AbortSignal }) => {
    const jsm = await broker.connection().jetstreamManager({ timeout: waitMs, checkAPI: false })
    await Promise.all(
      readers.map(async (reader) => {
        const last = await lastStored(jsm, reader.stream, reader.type)
        if (last) await handled(jsm, reader, { to: last.seq, handle }, overdue)
      }),
    )
  }

  /** @throws RekeyError unavailable if the broker does not answer, or the events are not handled, within 1.5 s */
  return async (handle: Handle<E>): Promise<void> => {
    const overdue = new AbortController()
    const { promise, reject } = Promise.withResolvers<never>()
    const timer = setTimeout(() => reject(new Error(`${what} wait to be handled`)), waitMs)
    try {
      await Promise.race([allHandled(handle, overdue), promise])
    } catch (cause) {
      throw unavailable(cause)
    } finally {
      clearTimeout(timer)
      overdue.abort()
    }
  }
}
