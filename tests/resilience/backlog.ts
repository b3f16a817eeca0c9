import { setTimeout as delay } from 'node:timers/promises'
import { backlogOf } from '@rekey/test-support/backlog'
import type { NatsConnection } from 'nats'
import { readRows } from './outbox.ts'
import type { Poison } from './poison.ts'

/** Longer than the longest pause before a message is tried again. */
const patienceMs = 60_000
const pollMs = 250

/**
 * Waits until all work is done, for up to a minute. Poison that is put aside does not count.
 *
 * @returns what is not done by then
 */
export const awaitIdle = async (
  databaseUrl: string,
  connection: NatsConnection,
  poison: Poison[],
): Promise<string[]> => {
  const ids = poison.map(({ id }) => id)
  const deadline = performance.now() + patienceMs
  for (;;) {
    const rows = await readRows(databaseUrl, ids)
    const putAside = new Set(rows.filter(({ isPutAside }) => isPutAside).map(({ eventId }) => eventId))
    const waiting = await backlogOf(databaseUrl, connection, putAside)
    if (waiting.length === 0 || performance.now() > deadline) return waiting
    await delay(pollMs)
  }
}
