import { durableName, type EventDefinition } from '@rekey/contracts'
import type { NewSpan } from './span.ts'

/** The span of each delivery of an event to a service. */
export const consumerSpan = ({ type }: EventDefinition, service: string): NewSpan => ({
  name: `process ${type}`,
  kind: 'consumer',
  attributes: {
    'messaging.system': 'nats',
    'messaging.destination.name': type,
    'messaging.operation.name': 'process',
    'messaging.operation.type': 'process',
    'messaging.consumer.group.name': durableName(service, type),
  },
})
