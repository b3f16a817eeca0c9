import { FormatRegistry, TypeRegistry } from '@sinclair/typebox'
import { Value } from '@sinclair/typebox/value'
import { decodeHeader, readEventTime } from './cloud-event-headers.ts'
import type { CloudEvent } from './event.ts'
import type { EventsByType } from './event-data.ts'
import { listenedEvents } from './listened-events.ts'

/** Every event that services of the platform read: `switch (event.type)` narrows `event.data`. */
export type ListenedEvent = {
  [Type in keyof EventsByType]: CloudEvent<EventsByType[Type]> & { type: Type }
}[keyof EventsByType]

/** A message of the broker: `JsMsg` and `Msg` of nats.js have this form. */
export interface EventMessage {
  headers?: { get(name: string): string } | undefined
  data: Uint8Array
}

/** A message that is no event, or whose data violates the event's schema. A redelivery does not help: end it. */
export class EventRefused extends Error {
  override readonly name = 'EventRefused'
}

if (!FormatRegistry.Has('date-time')) {
  FormatRegistry.Set('date-time', (text) => !Number.isNaN(readEventTime(text).getTime()))
}
if (!FormatRegistry.Has('uuid'))
  FormatRegistry.Set('uuid', (text) => /^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/i.test(text))

/** TypeBox checks no schema of `Type.Unsafe` by itself: events have string enums (`OneOf`) and texts. */
const checkUnsafe = ({ type, enum: values }: { type?: string; enum?: unknown[] }, value: unknown): boolean =>
  values ? values.includes(value) : typeof value === type
if (!TypeRegistry.Has('Unsafe')) TypeRegistry.Set('Unsafe', checkUnsafe)

const definitions = new Map(listenedEvents.map((definition) => [definition.type, definition]))

const parse = (data: Uint8Array): unknown => {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(data))
  } catch {
    throw new EventRefused('the data is not JSON')
  }
}

/**
 * Reads and validates an event in CloudEvents' binary mode. Unknown fields of the data are kept: a newer service may send
 * them.
 *
 * @returns undefined for an event that this version does not know: acknowledge it
 * @throws EventRefused that names the attribute or field
 */
export const readEvent = ({ headers, data }: EventMessage): ListenedEvent | undefined => {
  const attribute = (name: string): string => {
    const value = decodeHeader(headers?.get(`ce-${name}`) ?? '')
    if (!value) throw new EventRefused(`ce-${name} is missing`)
    return value
  }
  const type = attribute('type')
  const definition = definitions.get(type)
  if (definition === undefined) return undefined
  const time = readEventTime(attribute('time'))
  if (Number.isNaN(time.getTime())) throw new EventRefused('ce-time is not a time')
  const content = parse(data)
  const [error] = Value.Errors(definition.data, content)
  if (error) throw new EventRefused(`${type}: ${error.path || 'the data'}: ${error.message}`)
  const traceparent = headers?.get('traceparent') || undefined
  const event: CloudEvent = {
    id: attribute('id'),
    type,
    source: attribute('source'),
    subject: attribute('subject'),
    time,
    data: content,
    traceparent,
  }
  return event as ListenedEvent
}

/** The JSON Schema of the data of each event, by its type: for a validator of your own. */
export const eventSchemas: Readonly<Record<keyof EventsByType, object>> = Object.fromEntries(
  listenedEvents.map(({ type, data }) => [type, data]),
) as unknown as Record<keyof EventsByType, object>
