import { setTimeout as delay } from 'node:timers/promises'
import { backlogOf } from '@rekey/testing/backlog'
import type { NatsConnection } from 'nats'

/** Longer than the longest pause before a message is tried again. */
const patienceMs = 60_000
const pollMs = 250

/**
 * Waits until all work is done, for up to a minute.
 *
 * @returns what is not done by then
 */
export const awaitIdle = async (databaseUrl: string, connection: NatsConnection): Promise<string[]> => {
  const deadline = performance.now() + patienceMs
  for (;;) {
    const waiting = await backlogOf(databaseUrl, connection)
    if (waiting.length === 0 || performance.now() > deadline) return waiting
    await delay(pollMs)
  }
}
