import { setTimeout as delay } from 'node:timers/promises'
import { backlogOf } from '@rekey/test-support/backlog'
import { sql } from '@rekey/test-support/customers'
import type { NatsConnection } from 'nats'
import { readRows } from './outbox.ts'
import type { Poison } from './poison.ts'

/** Longer than the longest retry interval. */
const timeoutMs = 60_000
const pollMs = 250

/** Notices and ends of waiting restores that the password-service has not written yet. */
const dueRestores = async (databaseUrl: string): Promise<string[]> => {
  const text = `SELECT id::text FROM waiting_restore WHERE state = 'waiting' AND act_at <= clock_timestamp()`
  return (await sql<{ id: string }>(databaseUrl, text)).map(({ id }) => `the waiting restore ${id} is due`)
}

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
    // Looked for before the backlog, since each one adds events to it.
    const due = await dueRestores(databaseUrl)
    const waiting = [...due, ...(await backlogOf(databaseUrl, connection, heldIds))]
    if (waiting.length === 0 || performance.now() > deadline) return waiting
    await delay(pollMs)
  }
}
