import type { EventData, EventDefinition } from '@rekey/contracts'

/** An event to add to the outbox. */
export interface NewEvent {
  /** UUIDv7. */
  id: string
  type: string
  data: object
}

/** Makes an event; its data has the type that the contract defines. */
export const newEvent = <E extends EventDefinition>(definition: E, id: string, data: EventData<E>): NewEvent => ({
  id,
  type: definition.type,
  data,
})

/** Events of one customer, in order. */
export interface EventsOf {
  /** The customer's code. */
  subject: string
  events: NewEvent[]
}
