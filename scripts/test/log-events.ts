import { mkdirSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { logEvents } from '@rekey/contracts'

/** Declared log events that no test produces, and why. */
const withoutTest: Record<string, string> = {
  metrics_port_busy: 'only a service in a process of its own serves metrics; the test of `npm start` plays it there',
  service_stopping: 'only a service in a process of its own stops so; tests that stop processes play it there',
  service_not_closed: 'only a process that hangs writes it, 8 s after its end began',
  message_not_acknowledged: 'the connection would have to end between a handler and its acknowledgement',
  staff_session_not_ended: 'Redis would have to fail between two steps of one request',
  dead_letter_not_stored: 'the broker would have to fail between a delivery and its dead letter',
}

/** A folder in which tests note the events that they produced (tests/support/log-lines.ts), and its variable. */
export const createEventNotes = (scratch: string) => {
  const folder = join(scratch, 'log-events')
  mkdirSync(folder)
  return { folder, env: { REKEY_TEST_LOG_EVENTS: folder } }
}

/** The declared log events that no test of a complete run has produced, each as a line. */
export const unproducedEvents = (folder: string): string[] => {
  const produced = new Set(readdirSync(folder))
  return Object.keys(logEvents)
    .filter((name) => !produced.has(name) && !Object.hasOwn(withoutTest, name))
    .map((name) => `no test produces the log event ${name}: add one, or a reason in scripts/test/log-events.ts`)
}
