import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { databaseUrl } from '@rekey/local-servers/database'
import { freePort } from '@rekey/local-servers/ports'
import { sql, sqlOnNewConnection } from '@rekey/test-support/customers'
import { eventually } from '@rekey/test-support/eventually'
import { startInfrastructure } from '@rekey/test-support/infrastructure'
import { setDatabase } from '@rekey/test-support/postgres'
import t from 'tap'
import { correctnessErrors, postgresIsDurable, postgresIsFit } from './postgres-rules.ts'

const { postgres, dataDir } = await startInfrastructure(t, { postgres: 'private' })
const { server } = postgres
if (!server) throw new Error('this test needs a Postgres of its own')

let databases = 0
/** Creates a database with these settings and options of CREATE DATABASE. */
const createWith = async (settings: Record<string, string>, options = '') => {
  const name = `rules_${++databases}`
  await sql(server.url, `CREATE DATABASE ${name} ${options}`)
  const url = databaseUrl(server.url, name)
  await setDatabase(url, settings)
  return url
}

const configurationErrors = (DATABASE_URL: string, REKEY_DATABASE_POOL = 10) =>
  postgresIsFit({ DATABASE_URL, REKEY_DATABASE_POOL })

t.test(
  'the database of production and the sandbox is accepted, and one whose settings a connection overrides',
  async (t) => {
    t.same(await configurationErrors(postgres.url), [])
    const overridden = {
      timezone: 'America/New_York',
      datestyle: 'German',
      default_transaction_isolation: 'serializable',
      search_path: 'nowhere',
      statement_timeout: '1',
    }
    t.same(await configurationErrors(await createWith(overridden)), [])
  },
)

t.test('any time zone of the server and of the role is accepted', async (t) => {
  await sql(server.url, `ALTER SYSTEM SET timezone = 'Asia/Kolkata'`)
  await sql(server.url, 'SELECT pg_reload_conf()')
  const zone = async () => (await sqlOnNewConnection<{ TimeZone: string }>(postgres.url, 'SHOW timezone'))[0]?.TimeZone
  await eventually(async () => (await zone()) === 'Asia/Kolkata', { what: 'the configuration to be read' })
  t.same(await configurationErrors(postgres.url), [])
  await sql(server.url, `ALTER ROLE CURRENT_USER SET timezone = 'America/New_York'`)
  t.equal(await zone(), 'America/New_York')
  t.same(await configurationErrors(postgres.url), [])
})

const refused: [what: string, line: RegExp, settings: Record<string, string>, options?: string][] = [
  [
    'an encoding other than UTF8',
    /^DATABASE_URL is a database with encoding LATIN1: create one with ENCODING 'UTF8'\.$/,
    {},
    `TEMPLATE template0 ENCODING 'LATIN1' LC_COLLATE 'C' LC_CTYPE 'C'`,
  ],
  [
    'a database that is read-only by default',
    /^DATABASE_URL is read-only by default_transaction_read_only/,
    {
      default_transaction_read_only: 'on',
    },
  ],
  [
    'a session_replication_role that skips triggers',
    /^DATABASE_URL has session_replication_role replica, which skips triggers/,
    {
      session_replication_role: 'replica',
    },
  ],
  [
    'a transaction_timeout that ends long transactions',
    /^DATABASE_URL has transaction_timeout 1500 ms: set it to 0, or to at least 60000\.$/,
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
for (const [what, line, settings, options] of refused) {
  t.test(`one configuration error refuses ${what}`, async (t) => {
    const errors = await configurationErrors(await createWith(settings, options))
    t.equal(errors?.length, 1, String(errors))
    t.match(errors?.[0], line)
  })
}

t.test(
  'one configuration error refuses a database whose collation has changed since its indexes were built',
  async (t) => {
    const url = await createWith({}, `TEMPLATE template0 LOCALE_PROVIDER builtin BUILTIN_LOCALE 'C.UTF-8' LOCALE 'C'`)
    t.same(await configurationErrors(url), [])
    await sql(server.url, 'UPDATE pg_database SET datcollversion = $1 WHERE datname = $2', [
      'older',
      new URL(url).pathname.slice(1),
    ])
    t.match(await configurationErrors(url), [
      /^DATABASE_URL is a database whose collation changed .* REFRESH COLLATION VERSION\.$/,
    ])
  },
)

t.test('each setting that differs from its startup parameter is one configuration error', async (t) => {
  const url = await createWith({})
  await sql(
    url,
    `CREATE FUNCTION override_settings() RETURNS event_trigger LANGUAGE plpgsql AS $$
     BEGIN
       PERFORM set_config('TimeZone', 'Asia/Kolkata', false);
       PERFORM set_config('search_path', 'nowhere', false);
     END $$`,
  )
  await sql(url, 'CREATE EVENT TRIGGER on_login ON login EXECUTE FUNCTION override_settings()')
  const errors = (await configurationErrors(url))?.toSorted() ?? []
  t.equal(errors.length, 2, errors.join('\n'))
  t.match(errors, [
    /^DATABASE_URL gives connections with TimeZone Asia\/Kolkata, although the startup parameter has another value: /,
    /^DATABASE_URL gives connections with search_path nowhere/,
  ])
})

t.test('one configuration error refuses a server that rejects a startup parameter', async (t) => {
  const errors = await configurationErrors(`${postgres.url}?options=-c%20unheard_of%3D1`)
  t.match(errors, [/^DATABASE_URL rejects the startup parameters that Rekey needs: .*"unheard_of"/])
})

t.test('one configuration error refuses a server that is too old', async (t) => {
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
  t.same(correctnessErrors(facts, 10), ['DATABASE_URL is PostgreSQL 14.19: 15 or newer is needed.'])
  t.same(correctnessErrors({ ...facts, versionNumber: 150_000 }, 10), [])
})

t.test('each setting that can lose a commit is one configuration error', async (t) => {
  const url = await createWith({ synchronous_commit: 'off' })
  t.match((await postgresIsDurable({ DATABASE_URL: url }))?.toSorted(), [
    /^DATABASE_URL is a Postgres with fsync off/,
    /^DATABASE_URL is a Postgres with full_page_writes off/,
    /^DATABASE_URL is a Postgres with synchronous_commit off/,
  ])
  t.same(await configurationErrors(url), [], 'the sandbox accepts it')
})

t.test('an unreachable or stalled server has no result yet', async (t) => {
  const away = `postgresql://u:p@127.0.0.1:${await freePort()}/rekey`
  t.equal(await configurationErrors(away), undefined)
  t.equal(await postgresIsDurable({ DATABASE_URL: away }), undefined)
  server.pause()
  t.teardown(() => server.resume())
  t.equal(await configurationErrors(postgres.url), undefined)
})

t.test('one configuration error refuses a standby', async (t) => {
  server.resume()
  await server.stop()
  writeFileSync(join(dataDir, 'postgres/cluster/standby.signal'), '')
  await server.restart()
  t.match(await configurationErrors(postgres.url), [
    /^DATABASE_URL is a standby, which accepts no writes: name the primary/,
  ])
})
