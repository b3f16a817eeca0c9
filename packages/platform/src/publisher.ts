import {
  type CloudEvent,
  type EventData,
  type EventDefinition,
  encodeHeader,
  RekeyError,
  type StreamName,
  unavailable,
} from '@rekey/contracts'
import { ErrorCode, type MsgHdrs, MsgHdrsImpl, NatsError } from 'nats'
import { publishAcknowledged } from './acknowledged-publish.ts'
import type { Broker } from './broker.ts'
import type { Now } from './clock.ts'
import type { Random } from './random.ts'
import type { NewSpan } from './span.ts'
import { currentTrace, inSpanOf } from './trace.ts'

interface Deps {
  broker: Broker
  /** CloudEvents `source`: the service's name. */
  source: string
  now: Now
  random: Random
}

interface NewEvent<E extends EventDefinition> {
  /** Opaque id of the customer or challenge that the event is about. */
  subject: string
  data: EventData<E>
  id?: string
}

export interface Publisher {
  /**
   * Publishes an event and waits up to 1.5 s until the broker has stored it. Pass an `id` if the event may be published
   * again: the broker drops an id that it has stored within ten minutes.
   *
   * @throws RekeyError unavailable. The broker may have stored the event all the same.
   */
  publish<E extends EventDefinition>(definition: E, event: NewEvent<E>): Promise<void>
  /** Creates an event with the current time and trace, without publishing it. */
  event<E extends EventDefinition>(definition: E, event: NewEvent<E>): CloudEvent<EventData<E>>
  /** Publishes an event that `event` created, as `publish` does. @returns its sequence number in the stream */
  send(event: CloudEvent): Promise<number>
  /** The first sequence number that a stream gave on the current connection to the broker. */
  firstSequence(stream: StreamName): number | undefined
}

const ackTimeoutMs = 1_500

/** The broker drops a message whose id it has stored within the stream's window. */
const messageIdHeader = 'Nats-Msg-Id'

/** True if the broker rejected the event (for example: no publish permission); false if it was unreachable or not ready. */
export const isRejection = (error: unknown): boolean => {
  const cause = error instanceof RekeyError ? error.cause : undefined
  if (!(cause instanceof NatsError)) return false
  const { code, api_error: answer } = cause
  const rejections: string[] = [ErrorCode.PermissionsViolation, ErrorCode.MaxPayloadExceeded]
  return rejections.includes(code) || (answer !== undefined && answer.code < 500)
}

/** `err_code` of the broker if a stream holds as many messages of a subject as it may. */
const subjectIsFull = 10_077

/** True if the broker refused the event because its stream is full. The event can be stored once messages have left. */
export const isFull = (error: unknown): boolean => {
  const cause = error instanceof RekeyError ? error.cause : undefined
  return cause instanceof NatsError && cause.api_error?.err_code === subjectIsFull
}

/**
 * The message of an event: NATS Protocol Binding for CloudEvents 1.0.3-wip, binary mode. `traceparent`: of the span that
 * publishes it.
 */
export const messageOf = (event: CloudEvent, traceparent = event.traceparent): { data: string; headers: MsgHdrs } => {
  const attributes = {
    specversion: '1.0',
    id: event.id,
    source: event.source,
    type: event.type,
    subject: event.subject,
    time: event.time.toISOString(),
    datacontenttype: 'application/json',
    ...(traceparent && { traceparent }),
  }
  const meta: Record<string, string[]> = {}
  for (const [name, value] of Object.entries(attributes)) meta[`ce-${name}`] = [encodeHeader(value)]
  meta['content-type'] = [attributes.datacontenttype]
  if (traceparent) meta.traceparent = [traceparent]
  // `append` would search for old values of each name.
  return { data: JSON.stringify(event.data), headers: MsgHdrsImpl.fromRecord(meta) }
}

const sendSpan = ({ type }: CloudEvent): NewSpan => ({
  name: `send ${type}`,
  kind: 'producer',
  attributes: {
    'messaging.system': 'nats',
    'messaging.destination.name': type,
    'messaging.operation.name': 'publish',
    'messaging.operation.type': 'send',
  },
})

export const createPublisher = ({ broker, source, now, random }: Deps): Publisher => {
  let first = { generation: 0, sequences: new Map<string, number>() }
  const noteSequence = (generation: number, stream: string, sequence: number) => {
    if (generation !== broker.generation()) return
    if (first.generation !== generation) first = { generation, sequences: new Map() }
    first.sequences.set(stream, Math.min(sequence, first.sequences.get(stream) ?? sequence))
  }

  const event: Publisher['event'] = (definition, { subject, data, id = random.id() }) => ({
    id,
    type: definition.type,
    source,
    subject,
    time: now(),
    data,
    traceparent: currentTrace(),
  })
  const sendOnce = async (event: CloudEvent, traceparent: string | undefined) => {
    const { data, headers } = messageOf(event, traceparent)
    headers.set(messageIdHeader, event.id)
    const connection = broker.connection()
    const generation = broker.generation()
    try {
      const stored = await publishAcknowledged(connection, { subject: event.type, data, headers }, ackTimeoutMs)
      const { stream, seq, duplicate } = stored
      if (!duplicate) noteSequence(generation, stream, seq)
      return seq
    } catch (cause) {
      throw unavailable(cause)
    }
  }
  const send = (event: CloudEvent) =>
    inSpanOf(
      event.traceparent,
      () => sendSpan(event),
      (traceparent) => sendOnce(event, traceparent),
    )
  return {
    event,
    send,
    async publish(definition, created) {
      await send(event(definition, created))
    },
    firstSequence: (stream) => (first.generation === broker.generation() ? first.sequences.get(stream) : undefined),
  }
}
