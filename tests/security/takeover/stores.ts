import { sql } from '@rekey/test-support/customers'
import { eventually } from '@rekey/test-support/eventually'
import type { Teardown } from '@rekey/test-support/infrastructure'
import type { Rekey } from '@rekey/test-support/rekey'
import { Redis } from 'ioredis'
import { connect } from 'nats'
import { textOf } from '../search/places.ts'
import type { Victim } from './victims.ts'

export type Fields = Record<string, string>
export interface Stored {
  key: string
  fields: Fields
}

/** Texts by which a message can belong to a customer: ids, account keys, customer codes, addresses. */
const names = /[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|[\w-]{43}|T[0-9a-f]{32}|[\w.]+@[\w.]+|\+\d{6,}/g

/**
 * What the stores contain about a customer. A real thief has all of it and does not know which part belongs to whom: here
 * the thief is told, which only helps.
 */
export const createStores = async (t: Teardown, { redis: { url }, postgres, nats }: Rekey) => {
  const redis = new Redis(url)
  t.teardown(() => redis.disconnect())

  /** Texts of the streams' messages by the names in them. */
  const published = new Map<string, string[]>()
  const connection = await connect({ servers: nats.url })
  t.teardown(() => connection.close())
  const manager = await connection.jetstreamManager()
  for (const { config } of await manager.streams.list().next()) {
    for (const subject of config.subjects) {
      connection.subscribe(subject, {
        callback: (_error, message) => {
          const text = textOf(message.subject, message.headers, message.data)
          for (const [name] of text.matchAll(names)) {
            const of = published.get(name)
            if (of) of.push(text)
            else published.set(name, [text])
          }
        },
      })
    }
  }
  await connection.flush()

  const tables = await sql<{ name: string; hasCustomer: boolean }>(
    postgres.url,
    `SELECT t.table_name AS name, c.column_name IS NOT NULL AS "hasCustomer" FROM information_schema.tables t
     LEFT JOIN information_schema.columns c
       ON c.table_schema = t.table_schema AND c.table_name = t.table_name AND c.column_name = 'customer_id'
     WHERE t.table_schema = 'public' AND t.table_type = 'BASE TABLE'`,
  )
  const rows = tables.map(
    ({ name, hasCustomer }) =>
      `SELECT t::text AS row FROM "${name}" t WHERE t::text LIKE ANY($2::text[]) OR ${hasCustomer ? 't.customer_id = $1' : '$1::int IS NULL'}`,
  )
  const likeAny = (marks: Iterable<string>) => [...marks].map((mark) => `%${mark.replaceAll('_', '\\_')}%`)

  const recordsOf = async (marks: Iterable<string>): Promise<string[]> => {
    const wanted = [...marks]
    return (await redis.keys('rekey:*')).filter((key) => wanted.some((mark) => key.includes(mark)))
  }

  return {
    redis,
    /** Keys of Redis that contain one of these texts. */
    recordsOf,
    /** A record of Redis that has one of these texts in its key. @throws Error if there is none */
    async record(kind: 'challenge' | 'session', name: string): Promise<Stored> {
      const key = (await recordsOf([name])).find((key) => key.includes(`:${kind}:`))
      if (key === undefined) throw new Error(`no ${kind} ${name} in Redis`)
      return { key, fields: await redis.hgetall(key) }
    },

    async dumpOfRedis({ marks }: Victim): Promise<string> {
      const read = async (key: string) => {
        const type = await redis.type(key)
        if (type === 'hash') return redis.hgetall(key)
        return type === 'zset' ? redis.zrange(key, '0', '-1') : redis.get(key)
      }
      const keys = await recordsOf(marks)
      return (await Promise.all(keys.map(async (key) => `${key} ${JSON.stringify(await read(key))}`))).join('\n')
    },
    async dumpOfPostgres({ id, marks }: Victim): Promise<string> {
      const factors = await sql<{ id: string }>(postgres.url, 'SELECT id FROM factor WHERE customer_id = $1', [id])
      const wanted = likeAny([...marks, ...factors.map(({ id }) => id)])
      const found = await sql<{ row: string }>(postgres.url, rows.join(' UNION ALL '), [id, wanted])
      return found.map(({ row }) => row).join('\n')
    },
    /** The stored messages. Waits for the first: the broker may be busy. */
    async dumpOfNats({ marks }: Victim): Promise<string> {
      const found = () => [...new Set([...marks].flatMap((mark) => published.get(mark) ?? []))]
      await eventually(() => found().length > 0, { what: 'a message in a stream' })
      return found().join('\n')
    },
  }
}

export type Stores = Awaited<ReturnType<typeof createStores>>
