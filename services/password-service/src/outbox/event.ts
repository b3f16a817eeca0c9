import type { EventData, EventDefinition } from '@rekey/contracts'
import type { NewMessage } from '../messages/message.ts'

/** An event to be published once its cause has committed. */
export interface NewEvent {
  /** UUIDv7. */
  id: string
  type: string
  data: object
  /** Of a notification: what the log of messages says of it. */
  message?: NewMessage
}

/** Creates an event; the compiler checks its data against the contract. */
export const newEvent = <E extends EventDefinition>(definition: E, id: string, data: EventData<E>): NewEvent => ({
  id,
  type: definition.type,
  data,
})

/** Events of one subject, in the order of their publication. */
export interface EventsOf {
  /** The customer's code. */
  subject: string
  events: NewEvent[]
}
