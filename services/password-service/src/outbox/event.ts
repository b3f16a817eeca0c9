import type { EventData, EventDefinition, Recipient } from '@rekey/contracts'
import type { NewMessage } from '../messages/message.ts'

/** The link "it was not me" of a notification, as it is stored: without its handle. */
export interface StoredReportLink {
  handleHmac: string
  customerId: number
  /** Id of the history record that the notification is about; `noChangeId` if it is about an address. */
  changeId: number
  channel: Recipient['channel']
  expiresAt: Date
}

/** An event to be published once its cause has committed. */
export interface NewEvent {
  /** UUIDv7. */
  id: string
  type: string
  data: object
  /** The link in this notification, which is stored in the same statement. */
  reportLink?: StoredReportLink
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
