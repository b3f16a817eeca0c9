import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { databaseUrl } from '@rekey/local-servers/database'
import { freePort } from '@rekey/local-servers/ports'
import { sql } from '@rekey/test-support/customers'
import { eventually } from '@rekey/test-support/eventually'
import { startInfrastructure } from '@rekey/test-support/infrastructure'
import { setDatabase } from '@rekey/test-support/postgres'
import t from 'tap'
import { correctnessFaults, postgresIsDurable, postgresIsFit } from './postgres-rules.ts'

const { postgres, dataDir } = await startInfrastructure(t, { postgres: 'private' })
const { server } = postgres
if (!server) throw new Error('this test needs a Postgres of its own')

let databases = 0
/** A database with these settings, made in this way. */
const make = async (settings: Record<string, string>, how = '') => {
  const name = `rules_${++databases}`
  await sql(server.url, `CREATE DATABASE ${name} ${how}`)
  const url = databaseUrl(server.url, name)
  await setDatabase(url, settings)
  return url
}

const fitness = (DATABASE_URL: string, REKEY_DATABASE_POOL = 10) => postgresIsFit({ DATABASE_URL, REKEY_DATABASE_POOL })

t.test('a database as production and the sandbox have it is taken, and so is one that is made right', async (t) => {
  t.same(await fitness(postgres.url), [])
  const others = {
    timezone: 'America/New_York',
    datestyle: 'German',
    default_transaction_isolation: 'serializable',
    search_path: 'nowhere',
    statement_timeout: '1',
  }
  t.same(await fitness(await make(others)), [])
})

t.test('the time zone of the server’s configuration and of the role may be any', async (t) => {
  await sql(server.url, `ALTER SYSTEM SET timezone = 'Asia/Kolkata'`)
  await sql(server.url, 'SELECT pg_reload_conf()')
  const zone = async () => (await sql<{ TimeZone: string }>(postgres.url, 'SHOW timezone'))[0]?.TimeZone
  await eventually(async () => (await zone()) === 'Asia/Kolkata', { what: 'the configuration to be read' })
  t.same(await fitness(postgres.url), [])
  await sql(server.url, `ALTER ROLE CURRENT_USER SET timezone = 'America/New_York'`)
  t.equal(await zone(), 'America/New_York')
  t.same(await fitness(postgres.url), [])
})

const wrong: [what: string, line: RegExp, settings: Record<string, string>, how?: string][] = [
  [
    'an encoding that cannot hold every name',
    /^DATABASE_URL is a database with encoding LATIN1: create one with ENCODING 'UTF8'\.$/,
    {},
    `TEMPLATE template0 ENCODING 'LATIN1' LC_COLLATE 'C' LC_CTYPE 'C'`,
  ],
  [
    'a default of reading only',
    /^DATABASE_URL is read-only by default_transaction_read_only/,
    {
      default_transaction_read_only: 'on',
    },
  ],
  [
    'triggers that are skipped',
    /^DATABASE_URL has session_replication_role replica, which skips triggers/,
    {
      session_replication_role: 'replica',
    },
  ],
  [
    'an end to longer transactions',
    /^DATABASE_URL has transaction_timeout 1500 ms: 0, or at least 60000\.$/,
    {
      transaction_timeout: '1500ms',
    },
  ],
  [
    'too few connections',
    /^REKEY_DATABASE_POOL is 10, and Postgres allows this role 10 connections/,
    {},
    'CONNECTION LIMIT 10',
  ],
]
for (const [what, line, settings, how] of wrong) {
  t.test(`one line refuses ${what}`, async (t) => {
    const faults = await fitness(await make(settings, how))
    t.equal(faults?.length, 1, String(faults))
    t.match(faults?.[0], line)
  })
}

t.test('one line refuses a database whose text is ordered in another way than its indexes', async (t) => {
  const url = await make({}, `TEMPLATE template0 LOCALE_PROVIDER builtin BUILTIN_LOCALE 'C.UTF-8' LOCALE 'C'`)
  t.same(await fitness(url), [])
  await sql(server.url, 'UPDATE pg_database SET datcollversion = $1 WHERE datname = $2', [
    'older',
    new URL(url).pathname.slice(1),
  ])
  t.match(await fitness(url), [/^DATABASE_URL is a database whose collation changed .* REFRESH COLLATION VERSION\.$/])
})

t.test('one line each refuses what a connection is given instead of what it asks for', async (t) => {
  const url = await make({})
  await sql(
    url,
    `CREATE FUNCTION set_otherwise() RETURNS event_trigger LANGUAGE plpgsql AS $$
     BEGIN
       PERFORM set_config('TimeZone', 'Asia/Kolkata', false);
       PERFORM set_config('search_path', 'nowhere', false);
     END $$`,
  )
  await sql(url, 'CREATE EVENT TRIGGER on_login ON login EXECUTE FUNCTION set_otherwise()')
  const faults = (await fitness(url))?.toSorted() ?? []
  t.equal(faults.length, 2, faults.join('\n'))
  t.match(faults, [
    /^DATABASE_URL gives connections with TimeZone Asia\/Kolkata, which are started with another value: let a pooler/,
    /^DATABASE_URL gives connections with search_path nowhere/,
  ])
})

t.test('one line refuses a server that does not know a startup parameter', async (t) => {
  const faults = await fitness(`${postgres.url}?options=-c%20unheard_of%3D1`)
  t.match(faults, [/^DATABASE_URL takes no connection with our startup parameters: .*"unheard_of"/])
})

t.test('one line refuses a server that is too old', async (t) => {
  const facts = {
    settings: [],
    version: '14.19',
    versionNumber: 140_019,
    serverEncoding: 'UTF8',
    isStandby: false,
    isReadOnly: false,
    replicationRole: 'origin',
    transactionTimeoutMs: 0,
    connections: 97,
    isCollationStale: false,
  }
  t.same(correctnessFaults(facts, 10), ['DATABASE_URL is PostgreSQL 14.19: 15 or newer is needed.'])
  t.same(correctnessFaults({ ...facts, versionNumber: 150_000 }, 10), [])
})

t.test('one line each refuses a server or a database that may lose what it confirmed', async (t) => {
  const url = await make({ synchronous_commit: 'off' })
  t.match((await postgresIsDurable({ DATABASE_URL: url }))?.toSorted(), [
    /^DATABASE_URL is a Postgres with fsync off/,
    /^DATABASE_URL is a Postgres with full_page_writes off/,
    /^DATABASE_URL is a Postgres with synchronous_commit off/,
  ])
  t.same(await fitness(url), [], 'which the sandbox may')
})

t.test('a server that is away or stands still is asked again', async (t) => {
  const away = `postgresql://u:p@127.0.0.1:${await freePort()}/rekey`
  t.equal(await fitness(away), undefined)
  t.equal(await postgresIsDurable({ DATABASE_URL: away }), undefined)
  server.pause()
  t.teardown(() => server.resume())
  t.equal(await fitness(postgres.url), undefined)
})

t.test('one line refuses a standby', async (t) => {
  server.resume()
  await server.stop()
  writeFileSync(join(dataDir, 'postgres/cluster/standby.signal'), '')
  await server.restart()
  t.match(await fitness(postgres.url), [/^DATABASE_URL is a standby, which takes no writes: name the primary/])
})
