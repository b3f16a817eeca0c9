import { mkdirSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { type LogEventDefinition, logEvents } from '@rekey/contracts'

/** A folder in which tests note the events that they produced (tests/support/log-lines.ts), and its variable. */
export const createEventNotes = (scratch: string) => {
  const folder = join(scratch, 'log-events')
  mkdirSync(folder)
  return { folder, env: { REKEY_TEST_LOG_EVENTS: folder } }
}

/**
 * The security events that no test of a complete run has produced, each as a line. Other lines do not count: whether one
 * about the failure of a part is written depends on the moment at which a test ends the failure.
 */
export const unproducedEvents = (folder: string): string[] => {
  const produced = new Set(readdirSync(folder))
  const declared: Record<string, LogEventDefinition> = logEvents
  return Object.entries(declared)
    .filter(([name, { always }]) => always && !produced.has(name))
    .map(([name]) => `no test produces the log event ${name}: add one`)
}
