import { createHash } from 'node:crypto'
import { type DestinationStream, type Logger, pino } from 'pino'
import { currentTraceId } from './trace.ts'

export type { Logger }

/**
 * JSON lines with UTC times and the trace id. Callers pass named fields only: no bodies, headers or addresses with a
 * query ever reach the logger, so nothing needs to be struck out afterwards.
 */
export const createLogger = (options: { name: string; level: string; destination?: DestinationStream }): Logger =>
  pino(
    {
      level: options.level,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (severity) => ({ severity }) },
      base: { service: options.name },
      mixin: () => ({ traceId: currentTraceId() }),
    },
    options.destination ?? pino.destination(1),
  )

/** A challenge or account as logs name it: the same one can be followed, and none can be looked up. */
export const hashForLog = (id: string): string => createHash('sha256').update(id).digest('hex').slice(0, 16)
