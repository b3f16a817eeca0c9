import { setTimeout as delay } from 'node:timers/promises'
import { backlogOf } from '@rekey/test-support/backlog'
import type { NatsConnection } from 'nats'
import { readRows } from './outbox.ts'
import type { Poison } from './poison.ts'

/** Longer than the longest retry interval. */
const timeoutMs = 60_000
const pollMs = 250

/**
 * Waits up to a minute until no work is left; held poison does not count.
 *
 * @returns the work that is left
 */
export const awaitIdle = async (
  databaseUrl: string,
  connection: NatsConnection,
  poison: Poison[],
): Promise<string[]> => {
  const ids = poison.map(({ id }) => id)
  const deadline = performance.now() + timeoutMs
  for (;;) {
    const rows = await readRows(databaseUrl, ids)
    const heldIds = new Set(rows.filter(({ isHeld }) => isHeld).map(({ eventId }) => eventId))
    const waiting = await backlogOf(databaseUrl, connection, heldIds)
    if (waiting.length === 0 || performance.now() > deadline) return waiting
    await delay(pollMs)
  }
}
