import type { NatsConnection } from 'nats'
import { sql } from './customers.ts'

const inOutbox = async (databaseUrl: string, except: ReadonlySet<string>): Promise<string[]> => {
  const unpublished = 'SELECT event_id::text AS id, type FROM outbox WHERE published_at IS NULL'
  const rows = await sql<{ id: string; type: string }>(databaseUrl, unpublished)
  return rows.filter(({ id }) => !except.has(id)).map(({ id, type }) => `${type} ${id} is unpublished in the outbox`)
}

const atBroker = async (connection: NatsConnection): Promise<string[]> => {
  const jsm = await connection.jetstreamManager()
  const waiting: string[] = []
  for (const stream of ['AUTH', 'PASSWORD', 'NOTIFY', 'MESSAGE']) {
    for (const { name, num_pending, num_ack_pending } of await jsm.consumers.list(stream).next()) {
      const count = num_pending + num_ack_pending
      if (count > 0) waiting.push(`${count} messages are unacknowledged at ${name}`)
    }
  }
  return waiting
}

/** Describes the work that is left: unpublished outbox events, except those with these ids, and unacknowledged messages. */
export const backlogOf = async (
  databaseUrl: string,
  connection: NatsConnection,
  except: ReadonlySet<string> = new Set(),
): Promise<string[]> => [...(await inOutbox(databaseUrl, except)), ...(await atBroker(connection))]
