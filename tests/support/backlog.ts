import type { NatsConnection } from 'nats'
import { sql } from './customers.ts'

const inOutbox = async (databaseUrl: string, except: ReadonlySet<string>): Promise<string[]> => {
  const question = 'SELECT event_id::text AS id, type FROM outbox WHERE published_at IS NULL'
  const rows = await sql<{ id: string; type: string }>(databaseUrl, question)
  return rows.filter(({ id }) => !except.has(id)).map(({ id, type }) => `${type} ${id} waits in the outbox`)
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
 * What is not done yet: events that have not left the outbox, but for those of some ids, and messages that no consumer
 * has dealt with.
 */
export const backlogOf = async (
  databaseUrl: string,
  connection: NatsConnection,
  except: ReadonlySet<string> = new Set(),
): Promise<string[]> => [...(await inOutbox(databaseUrl, except)), ...(await atBroker(connection))]
