import { hash } from 'node:crypto'
import { type LogEventDefinition, type LogEventName, type LogEventValues, logEvents } from '@rekey/contracts'
import { type Bindings, type DestinationStream, type Logger as Pino, pino } from 'pino'
import { standardOutput } from './log-destination.ts'
import { currentTraceId } from './trace.ts'

export interface Logger extends Omit<Pino, 'child'> {
  /**
   * Logs a declared line. Its severity, its message, its fields, and whether LOG_LEVEL filters it, are those of its
   * declaration (packages/contracts/src/log); `message` replaces a message that names what failed.
   */
  event<Name extends LogEventName>(name: Name, fields: LogEventValues<Name>, message?: string): void
  child(bindings: Bindings): Logger
}

/** Depth to which `cause` is logged. */
const maxCauses = 3

const describeError = (error: unknown, depth = 0): unknown => {
  if (!(error instanceof Error)) return { name: typeof error }
  const { name, message, stack, cause, code } = error as Error & { code?: unknown }
  return {
    name,
    message,
    stack,
    ...(typeof code === 'string' && { code }),
    ...(cause !== undefined && depth < maxCauses && { cause: describeError(cause, depth + 1) }),
  }
}

interface Options {
  name: string
  /** Least severity of the lines that may be filtered; `silent` writes nothing at all, not even security events. */
  level: string
  destination?: DestinationStream
}

/**
 * JSON lines with UTC times and the trace id. Callers pass named fields only: no bodies, headers or URLs with a query. Of
 * an error only name, message, code, stack and cause are logged: drivers attach commands, rows and parameters to theirs.
 */
export const createLogger = ({ name, level, destination = standardOutput() }: Options): Logger => {
  const at = (level: string) =>
    pino(
      {
        level,
        timestamp: pino.stdTimeFunctions.isoTime,
        formatters: { level: (severity) => ({ severity }) },
        base: { service: name },
        mixin: () => ({ traceId: currentTraceId() }),
        serializers: { err: describeError },
      },
      destination,
    )
  const filtered = at(level)
  const unfiltered = level === 'silent' ? filtered : at('trace')
  const logger: Logger = Object.assign(filtered as Omit<Pino, 'child'>, {
    // A logger for a part would bind fields that no line declares.
    child: () => logger,
    event: <Name extends LogEventName>(event: Name, fields: LogEventValues<Name>, message?: string) => {
      const { always, severity, message: usual }: LogEventDefinition = logEvents[event]
      const to = always ? unfiltered : filtered
      const line: object = { event, ...fields }
      to[severity](line, message ?? usual)
    },
  })
  return logger
}

/** The level of a service's logger. Security events stay at every LOG_LEVEL: `silent` leaves out all other lines. */
export const serviceLevel = (LOG_LEVEL: string): string => (LOG_LEVEL === 'silent' ? 'fatal' : LOG_LEVEL)

/** Hash of a challenge or account for logs: equal ids can be followed, and the hash does not disclose the id. */
export const hashForLog = (id: string): string => hash('sha256', id, 'hex').slice(0, 16)
