import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { sql } from '@rekey/test-support/customers'
import type { Answer, Http } from '@rekey/test-support/http'
import type { Teardown } from '@rekey/test-support/infrastructure'
import type { Processes } from '@rekey/test-support/processes'
import { Redis } from 'ioredis'
import type { MsgHdrs } from 'nats'
import type { MessageLog } from '../message-log.ts'

const filesBelow = (dir: string) =>
  readdirSync(dir, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => readFileSync(join(entry.parentPath, entry.name), 'latin1'))
    .join('\n')

const readers: Record<string, (redis: Redis, key: string) => Promise<unknown>> = {
  string: (redis, key) => redis.get(key),
  hash: (redis, key) => redis.hgetall(key),
  list: (redis, key) => redis.lrange(key, 0, -1),
  set: (redis, key) => redis.smembers(key),
  zset: (redis, key) => redis.zrange(key, '0', '-1'),
}

export const redisContents = async (redis: Redis) => {
  const entries = []
  for (const key of await redis.keys('*')) {
    const type = await redis.type(key)
    const reader = readers[type]
    // A key that expired since `keys` has the type none.
    if (!reader && type !== 'none') throw new Error(`${key} has the type ${type}: add a reader for it`)
    entries.push(`${key} ${JSON.stringify(await reader?.(redis, key))}`)
  }
  return entries.join('\n')
}

/** Every row of every table of every schema, as text. */
export const databaseDump = async (url: string) => {
  const tables = await sql<{ name: string }>(
    url,
    `SELECT format('%I.%I', table_schema, table_name) AS name FROM information_schema.tables
     WHERE table_schema NOT IN ('pg_catalog', 'information_schema')`,
  )
  const dumps = tables.map(async ({ name }) => {
    const rows = await sql<{ row: string }>(url, `SELECT t::text AS row FROM ${name} AS t`)
    return rows.map(({ row }) => `${name} ${row}`).join('\n')
  })
  return (await Promise.all(dumps)).join('\n')
}

export const textOf = (subject: string, headers: MsgHdrs | undefined, data: Uint8Array) => {
  const named = [...(headers ?? [])].map(([name, values]) => `${name}: ${values}`)
  return [subject, ...named, Buffer.from(data).toString()].join('\n')
}

const claimsIn = (text: string) =>
  [...text.matchAll(/eyJ[\w-]+\.eyJ[\w-]+/g)].map(([token]) =>
    token
      .split('.')
      .map((part) => Buffer.from(part, 'base64url').toString())
      .join(),
  )

/** Records answers and Redis commands from now on, and reads everything that the product stores. */
export const watchPlaces = async (t: Teardown, rekey: Processes, messageLog: MessageLog) => {
  const redis = new Redis(rekey.redis.url)
  t.teardown(() => redis.quit())
  const monitor = await redis.monitor()
  t.teardown(() => monitor.disconnect())
  const commands: string[] = []
  monitor.on('monitor', (_time, words: string[]) => void commands.push(words.join(' ')))

  const answers: string[] = []
  const record = async <A extends Answer<unknown>>(answer: Promise<A>): Promise<A> => {
    const { status, headers, text } = await answer
    answers.push(`${status} ${JSON.stringify([...headers])} ${text}`)
    return answer
  }
  const { http } = rekey
  const recorded: Http = {
    send: (...request) => record(http.send(...request)),
    get: (...request) => record(http.get(...request)),
    post: (...request) => record(http.post(...request)),
  }

  const services = ['auth-gateway', 'password-service', 'notifier'] as const
  const logOf = async (name: (typeof services)[number]) => {
    await rekey.logOf(name)
    return readFileSync(join(rekey.dataDir, name, 'server.log'), 'utf8')
  }
  const each = async (what: string, read: (name: (typeof services)[number]) => Promise<string>) =>
    Promise.all(services.map(async (name) => [`${what} of the ${name}`, await read(name)] as const))

  return {
    http: recorded,
    async read(): Promise<Record<string, string>> {
      const stored = await messageLog.stored()
      return {
        answers: answers.join('\n'),
        'tokens, decoded': claimsIn(answers.join('\n')).join('\n'),
        ...Object.fromEntries(await each('the log', logOf)),
        ...Object.fromEntries(await each('metrics', rekey.metricsOf)),
        Redis: await redisContents(redis),
        'commands to Redis': commands.join('\n'),
        'files of Redis': filesBelow(join(rekey.dataDir, 'redis')),
        'files of JetStream': filesBelow(join(rekey.dataDir, 'nats', 'jetstream')),
        streams: stored.map(({ subject, header, data }) => textOf(subject, header, data)).join('\n'),
        'all that went over the broker': messageLog.messages
          .map(({ subject, headers, data }) => textOf(subject, headers, data))
          .join('\n'),
        traces: messageLog.messages.map(({ headers }) => headers?.get('traceparent')).join('\n'),
        Postgres: await databaseDump(rekey.postgres.url),
      }
    },
  }
}
