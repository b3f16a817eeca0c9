import type { OptionalKind, Static, TSchema } from '@sinclair/typebox'
import type { ServiceName } from '../services.ts'
import type { LogField } from './fields.ts'

/** Severities of declared lines, the least severe first. */
export const logSeverities = ['debug', 'info', 'warn', 'error'] as const

type Fields = { [K in LogField]?: TSchema }

export interface LogEventDefinition<F extends Fields = Fields> {
  severity: (typeof logSeverities)[number]
  /** `all`: the code that every service shares. */
  service: ServiceName | 'all' | readonly ServiceName[]
  /** The `msg` of the line, unless the code that writes it gives another. */
  message: string
  /** When the line is written. */
  when: string
  /** What an operator does about it; empty if nothing. */
  action: string
  fields: F
  /** Written at every LOG_LEVEL: a security event, or the only trace of a loss. */
  always: boolean
}

const define =
  (always: boolean) =>
  <F extends Fields>(given: Omit<LogEventDefinition<F>, 'always'>): LogEventDefinition<F> => ({ ...given, always })

/** A line that no level and no variable filters: it matters to security (ASVS 16.3, S35), or nothing else shows a loss. */
export const alwaysLog = define(true)
/** A line about the service itself, filtered by LOG_LEVEL. */
export const operationLog = define(false)

type OptionalFields<F> = { [K in keyof F]: F[K] extends { [OptionalKind]: 'Optional' } ? K : never }[keyof F]
type ValueOf<S> = S extends TSchema ? Static<S> : never

/** The values of a line's fields. An optional one may also be undefined: the logger leaves it out. */
export type LogValues<F extends Fields> = {
  [K in Exclude<keyof F, OptionalFields<F>>]: ValueOf<F[K]>
} & { [K in OptionalFields<F>]?: ValueOf<F[K]> | undefined }
