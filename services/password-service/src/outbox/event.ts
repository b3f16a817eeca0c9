import type { EventData, EventDefinition } from '@rekey/contracts'

/** An event that is to leave once its cause has committed. */
export interface NewEvent {
  /** UUIDv7. */
  id: string
  type: string
  data: object
}

/** Holds an event's data to its contract. */
export const newEvent = <E extends EventDefinition>(definition: E, id: string, data: EventData<E>): NewEvent => ({
  id,
  type: definition.type,
  data,
})

/** Events of one subject, in their order. */
export interface EventsOf {
  /** The customer's code. */
  subject: string
  events: NewEvent[]
}
