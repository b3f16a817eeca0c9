import { durableName, type EventDefinition } from '@rekey/contracts'
import type { JsMsg } from 'nats'
import type { NewSpan } from './span.ts'

/** The span of one delivery of an event. */
export const consumerSpan = ({ type }: EventDefinition, service: string, { info }: JsMsg): NewSpan => ({
  name: `process ${type}`,
  kind: 'consumer',
  attributes: {
    'messaging.system': 'nats',
    'messaging.destination.name': type,
    'messaging.operation.name': 'process',
    'messaging.operation.type': 'process',
    'messaging.consumer.group.name': durableName(service, type),
    'rekey.attempt': info.redeliveryCount,
  },
})
