import { setTimeout as delay } from 'node:timers/promises'
import { createLogger } from '@rekey/platform/logger'
import { createMetrics } from '@rekey/platform/metrics'
import { sql } from '@rekey/test-support/customers'
import { eventually } from '@rekey/test-support/eventually'
import { startInfrastructure } from '@rekey/test-support/infrastructure'
import pg from 'pg'
import t, { type Test } from 'tap'
import { openDatabase, type Transaction } from './database.ts'

const { postgres } = await startInfrastructure(t, { postgres: 'private' })

// A connection of the test never waits for the standby, which does not exist.
const direct = new pg.Client(`${postgres.url}?options=-c%20synchronous_commit=local`)
await direct.connect()
t.teardown(() => direct.end())
await direct.query('CREATE TABLE note (text text PRIMARY KEY)')

const setStandby = async (name: string) => {
  await direct.query(`ALTER SYSTEM SET synchronous_standby_names = '${name}'`)
  await direct.query('SELECT pg_reload_conf()')
  await eventually(
    async () => {
      const [row] = await sql<{ name: string }>(
        postgres.url,
        `SELECT current_setting('synchronous_standby_names') AS name`,
      )
      return row?.name === name
    },
    { what: 'the configuration' },
  )
}

/** With a standby that is away every COMMIT waits without a time-out of the server. */
const hangCommits = async (t: Test) => {
  t.teardown(() => setStandby(''))
  await setStandby('absent')
}

const poolSize = 10
const open = (t: Test, size = poolSize) => {
  const metrics = createMetrics()
  const log = createLogger({ name: 'test', level: 'silent' })
  const database = openDatabase({ url: postgres.url, poolSize: size, log, metrics })
  t.teardown(() => database.close())
  const figure = async (name: string) => (await metrics.getSingleMetric(name)?.get())?.values[0]?.value ?? 0
  return { database, figure }
}

const write = (text: string) => (tx: Transaction) => tx.$executeRaw`INSERT INTO note VALUES (${text})`

/** Counts the service's backends, and those of them that run a statement, until it is stopped. */
const watchBackends = () => {
  let most = 0
  let isOver = false
  const read = async () => {
    const { rows } = await direct.query<{ all: number; busy: number }>(
      `SELECT count(*)::int AS all, count(*) FILTER (WHERE state <> 'idle')::int AS busy FROM pg_stat_activity
       WHERE application_name = 'rekey-password-service'`,
    )
    most = Math.max(most, rows[0]?.all ?? 0)
    return rows[0]?.busy ?? 0
  }
  const watching = (async () => {
    while (!isOver) {
      await read()
      await delay(20)
    }
  })()
  return {
    busy: read,
    async stop() {
      isOver = true
      await watching
      return most
    },
  }
}

t.test('S25: 200 hung COMMITs are errors in time, leave no busy backend, and recover at once', async (t) => {
  const { database, figure } = open(t)
  const backends = watchBackends()
  await hangCommits(t)
  const longestMs: number[] = []
  await Promise.all(
    Array.from({ length: 200 }, async (_, index) => {
      const startedAt = performance.now()
      await t.rejects(database.transaction(write(`hung ${index}`)), { code: 'unavailable' })
      longestMs.push(performance.now() - startedAt)
    }),
  )
  t.comment(`longest: ${Math.round(Math.max(...longestMs))} ms`)
  await eventually(async () => (await backends.busy()) === 0, { what: 'no busy backend' })
  // On a busy machine all of them may time out before their COMMIT.
  const isCancelled = async () => {
    await database.transaction(write('hung')).catch(() => {})
    return (await figure('rekey_database_cancelled_total')) > 0
  }
  await eventually(isCancelled, { what: 'a COMMIT to be cancelled' })
  await eventually(async () => (await figure('rekey_database_abandoned_connections')) === 0, { what: 'the gauge' })
  const most = await backends.stop()
  t.ok(most <= poolSize, `${most} backends`)
  await setStandby('')
  await eventually(() => database.transaction(write('afterwards')).then(() => true), { what: 'recovery' })
})

t.test(
  'S24: a COMMIT that is cancelled while it waits for a standby is done, and a repeated one is refused',
  async (t) => {
    const { database } = open(t, 2)
    await hangCommits(t)
    await t.rejects(database.transaction(write('once')), { code: 'unavailable' })
    await setStandby('')
    await t.rejects(database.transaction(write('once')), { code: '23505' }, 'as a token that was spent')
  },
)

t.test('S25: a row that stays locked costs no backend, and its statement is never done', async (t) => {
  const { database } = open(t, 2)
  await database.transaction(write('locked'))
  const backends = watchBackends()
  const other = new pg.Client(postgres.url)
  await other.connect()
  t.teardown(() => other.end())
  await other.query(`BEGIN; SELECT FROM note WHERE text = 'locked' FOR UPDATE`)
  const change = () =>
    database.transaction((tx) => tx.$executeRaw`UPDATE note SET text = 'changed' WHERE text = 'locked'`)
  const changes = Array.from({ length: 20 }, () => t.rejects(change(), { code: 'unavailable' }))
  await Promise.all(changes)
  await eventually(async () => (await backends.busy()) === 0, { what: 'no busy backend' })
  await other.query('COMMIT')
  t.ok((await backends.stop()) <= 2)
  t.same(await sql(postgres.url, `SELECT text FROM note WHERE text IN ('locked', 'changed')`), [{ text: 'locked' }])
})

const stop = process.platform === 'win32' ? { skip: 'platform: no SIGSTOP' } : {}

t.test('S25: backends that are stopped are as many as the pool at most, and end when they go on', stop, async (t) => {
  const { database, figure } = open(t, 2)
  const backends = watchBackends()
  const stopped: number[] = []
  t.teardown(() => {
    for (const pid of stopped) process.kill(pid, 'SIGCONT')
  })
  const stopOwn = () =>
    database.transaction(async (tx) => {
      const [row] = await tx.$queryRaw<[{ pid: number }]>`SELECT pg_backend_pid() AS pid`
      stopped.push(row.pid)
      process.kill(row.pid, 'SIGSTOP')
      await tx.$queryRaw`SELECT 1`
    })
  await Promise.all([1, 2].map(() => t.rejects(stopOwn(), { code: 'unavailable' })))
  t.equal(await figure('rekey_database_abandoned_connections'), 2)
  await Promise.all(
    Array.from({ length: 20 }, (_, index) => t.rejects(database.transaction(write(`stopped ${index}`)))),
  )
  for (const pid of stopped.splice(0)) process.kill(pid, 'SIGCONT')
  await eventually(async () => (await figure('rekey_database_abandoned_connections')) === 0, { what: 'their end' })
  await eventually(() => database.transaction(write('they went on')).then(() => true), { what: 'recovery' })
  t.ok((await backends.stop()) <= 4, 'the pool twice, since one place is free again after ten seconds')
})

t.test('a server that knows transaction_timeout ends a transaction that its client gave up', async (t) => {
  const { database } = open(t, 2)
  const [row] = await database.query(
    (prisma) =>
      prisma.$queryRaw<{ transactions: string | null; idle: string }[]>`
        SELECT current_setting('transaction_timeout', true) AS transactions,
               current_setting('idle_in_transaction_session_timeout') AS idle`,
  )
  t.same(row, { transactions: '10s', idle: '5s' })
})
