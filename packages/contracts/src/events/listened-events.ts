import type { EventDefinition } from './event.ts'
import { type StreamDefinition, streams } from './index.ts'

/** The events that services of the platform read: those of all streams but work queues, whose messages have one consumer. */
export const listenedEvents: readonly EventDefinition[] = Object.values<StreamDefinition>(streams).flatMap(
  ({ workQueue, events }) => (workQueue ? [] : events),
)
