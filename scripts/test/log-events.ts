import { mkdirSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { type LogEventDefinition, logEvents } from '@rekey/contracts'

/** A folder in which tests note the events that they produced (tests/support/log-lines.ts), and its variable. */
export const createEventNotes = (scratch: string) => {
  const folder = join(scratch, 'log-events')
  mkdirSync(folder)
  return { folder, env: { REKEY_TEST_LOG_EVENTS: folder } }
}

/** An event that no test of a complete run has produced. */
interface Unproduced {
  line: string
  /** False for a line about the failure of a part: whether it is written depends on when a test ends the failure. */
  isFault: boolean
}

/** The declared log events that no test of a complete run has produced. */
export const unproducedEvents = (folder: string): Unproduced[] => {
  const produced = new Set(readdirSync(folder))
  const declared: Record<string, LogEventDefinition> = logEvents
  return Object.entries(declared)
    .filter(([name]) => !produced.has(name))
    .map(([name, { always }]) => ({ line: `no test produced the log event ${name}`, isFault: always }))
}
