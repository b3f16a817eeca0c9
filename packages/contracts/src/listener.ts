// The published package: what a service needs to read events. In this repository `index.ts` has all contracts.

export type { CloudEvent } from './events/event.ts'
export type * from './events/event-data.ts'
export { type EventMessage, EventRefused, eventSchemas, type ListenedEvent, readEvent } from './events/read-event.ts'
