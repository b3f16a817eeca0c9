import type { Static, TObject } from '@sinclair/typebox'

/** An event: its type, which is also its subject on the broker, and the schema of its JSON data. */
export interface EventDefinition<D extends TObject = TObject> {
  type: string
  /** When the event is published. */
  summary: string
  data: D
}

export type EventData<E extends EventDefinition> = Static<E['data']>

/** An event with its CloudEvents 1.0 attributes; sent in binary mode over NATS headers. */
export interface CloudEvent<D = unknown> {
  /** Also `Nats-Msg-Id`. A UUIDv7, or `<challenge>.<send number>` where the broker must drop a repeat. */
  id: string
  type: string
  source: string
  /** Opaque id of the customer or challenge that the event is about. */
  subject: string
  time: Date
  data: D
  traceparent?: string | undefined
}

export const defineEvent = <D extends TObject>(definition: EventDefinition<D>): EventDefinition<D> => definition
