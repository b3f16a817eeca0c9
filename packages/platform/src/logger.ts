import { createHash } from 'node:crypto'
import { type DestinationStream, type Logger, pino } from 'pino'
import { currentTraceId } from './trace.ts'

export type { Logger }

/** Levels of `cause` that are followed. */
const causesShown = 3

const describeError = (error: unknown, depth = 0): unknown => {
  if (!(error instanceof Error)) return { name: typeof error }
  const { name, message, stack, cause, code } = error as Error & { code?: unknown }
  return {
    name,
    message,
    stack,
    ...(typeof code === 'string' && { code }),
    ...(cause !== undefined && depth < causesShown && { cause: describeError(cause, depth + 1) }),
  }
}

/**
 * JSON lines with UTC times and the trace id. Callers pass named fields only: no bodies, headers or addresses with a
 * query. Of an error no more is written than its name, code and stack: drivers hang commands, rows and parameters on
 * theirs.
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
    options.destination ?? pino.destination(1),
  )

/** A challenge or account as logs name it: the same one can be followed, and none can be looked up. */
export const hashForLog = (id: string): string => createHash('sha256').update(id).digest('hex').slice(0, 16)
