import { setTimeout as delay } from 'node:timers/promises'
import { sql } from '@rekey/testing/customers'
import type { NatsConnection } from 'nats'

/** Longer than the longest pause before a message is tried again. */
const patienceMs = 60_000
const pollMs = 250

const inOutbox = async (databaseUrl: string): Promise<string[]> => {
  const question = 'SELECT event_id::text AS id, type FROM outbox WHERE published_at IS NULL'
  const rows = await sql<{ id: string; type: string }>(databaseUrl, question)
  return rows.map(({ id, type }) => `${type} ${id} waits in the outbox`)
}

const atBroker = async (connection: NatsConnection): Promise<string[]> => {
  const jsm = await connection.jetstreamManager()
  const waiting: string[] = []
  for (const stream of ['AUTH', 'PASSWORD', 'NOTIFY']) {
    for (const { name, num_pending, num_ack_pending } of await jsm.consumers.list(stream).next()) {
      const count = num_pending + num_ack_pending
      if (count > 0) waiting.push(`${count} messages wait for ${name}`)
    }
  }
  return waiting
}

/**
 * Waits until all work is done, for up to a minute.
 *
 * @returns what is not done by then
 */
export const awaitIdle = async (databaseUrl: string, connection: NatsConnection): Promise<string[]> => {
  const deadline = performance.now() + patienceMs
  for (;;) {
    const waiting = [...(await inOutbox(databaseUrl)), ...(await atBroker(connection))]
    if (waiting.length === 0 || performance.now() > deadline) return waiting
    await delay(pollMs)
  }
}
