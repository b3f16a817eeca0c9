import type { Static, TObject } from '@sinclair/typebox'

/** An event's type (which is also its subject on the broker) and the schema of its JSON data. */
export interface EventDefinition<D extends TObject = TObject> {
  type: string
  summary: string
  data: D
}

export type EventData<E extends EventDefinition> = Static<E['data']>

/** A fact ready to leave: CloudEvents 1.0 in binary mode over NATS headers. */
export interface CloudEvent<D = unknown> {
  /** Also the broker's de-duplication id. A UUIDv7; `<challenge>.<send number>` where a repeat must be recognisable. */
  id: string
  type: string
  source: string
  /** Opaque id of the customer or challenge that the fact is about. */
  subject: string
  time: Date
  data: D
  traceparent?: string | undefined
}

export const defineEvent = <D extends TObject>(definition: EventDefinition<D>): EventDefinition<D> => definition
