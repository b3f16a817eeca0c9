import { hash } from 'node:crypto'
import { type DestinationStream, type Logger, pino } from 'pino'
import { standardOutput } from './log-destination.ts'
import { currentTraceId } from './trace.ts'

export type { Logger }

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

/**
 * JSON lines with UTC times and the trace id. Callers pass named fields only: no bodies, headers or URLs with a query. Of
 * an error only name, message, code, stack and cause are logged: drivers attach commands, rows and parameters to theirs.
 */
export const createLogger = (options: { name: string; level: string; destination?: DestinationStream }): Logger =>
  pino(
    {
      level: options.level,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (severity) => ({ severity }) },
      base: { service: options.name },
      mixin: () => ({ traceId: currentTraceId() }),
      serializers: { err: describeError },
    },
    options.destination ?? standardOutput(),
  )

/** Hash of a challenge or account for logs: equal ids can be followed, and the hash does not disclose the id. */
export const hashForLog = (id: string): string => hash('sha256', id, 'hex').slice(0, 16)
