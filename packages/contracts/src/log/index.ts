import { backOfficeEvents } from './back-office-events.ts'
import { customerEvents } from './customer-events.ts'
import { deliveryEvents } from './delivery-events.ts'
import type { LogEventDefinition, LogValues } from './event.ts'
import { gatewayEvents } from './gateway-events.ts'
import { serviceEvents } from './service-events.ts'
import { waitingRestoreEvents } from './waiting-restore-events.ts'

/** The declared log lines by subject, in the order of docs/logs.md. */
export const logSections = {
  'Codes, sign-in, sessions and tokens': gatewayEvents,
  'Passwords and customers': customerEvents,
  'Waiting restores': waitingRestoreEvents,
  'What staff read and did': backOfficeEvents,
  'Requests, processes and connections': serviceEvents,
  'Events and messages': deliveryEvents,
} as const satisfies Record<string, Record<string, LogEventDefinition>>

/** Every line that a service may log. docs/logs.md is generated from them. */
export const logEvents = {
  ...gatewayEvents,
  ...customerEvents,
  ...waitingRestoreEvents,
  ...backOfficeEvents,
  ...serviceEvents,
  ...deliveryEvents,
}

export type LogEventName = keyof typeof logEvents
export type LogEventValues<Name extends LogEventName> = LogValues<(typeof logEvents)[Name]['fields']>
