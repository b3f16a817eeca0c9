import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { migrate } from '@rekey/local-servers/migrate'
import { createCustomer, sql } from '@rekey/test-support/customers'
import { eventually } from '@rekey/test-support/eventually'
import {
  asBearer,
  backOfficeToken,
  change,
  changeGrant,
  restore,
  restoreGrant,
  signIn,
  signsIn,
} from '@rekey/test-support/flows'
import { startPooler, whyNoPooler } from '@rekey/test-support/pooler'
import { startRekey } from '@rekey/test-support/rekey'
import { restartable } from '@rekey/test-support/restartable'
import t from 'tap'
import { openSource } from './customers/import/source.ts'
import { databaseUrlOf, verifyHistory } from './history/verification.ts'
import { openImport } from './import-customers.ts'
import { postgresIsFit } from './postgres-rules.ts'

// PgBouncer in transaction mode, with the configuration of deploy/pgbouncer, in front of a database whose defaults differ
// from the required settings.

const skip = (await whyNoPooler()) ?? false

t.test('PgBouncer in transaction mode', { skip }, async (t) => {
  const databaseSettings = { timezone: 'Asia/Kolkata', statement_timeout: '2s', array_nulls: 'off' }
  const rekey = await startRekey(t, { privatePostgres: true, databaseSettings })
  const direct = rekey.postgres.url
  const pooler = await restartable((port) => startPooler({ dataDir: join(rekey.dataDir, 'pooler'), url: direct, port }))
  t.teardown(() => pooler.stop())
  const env = { DATABASE_URL: pooler.url, REKEY_DATABASE_DIRECT_URL: direct }

  const errorsOf = (more: Record<string, string>) =>
    postgresIsFit({ DATABASE_URL: pooler.url, REKEY_DATABASE_POOL: 10, ...more })

  const makeDefaults = (statements: string) =>
    sql(direct, statements.replaceAll('rekey_service', 'rekey').replaceAll(/^--.*$/gm, ''))

  t.test(
    'a start refuses a pooler without the URL of Postgres itself, whatever it does with startup parameters',
    async (t) => {
      t.match(await errorsOf({}), [
        /^DATABASE_URL rejects the startup parameters that Rekey needs: .*options.* name Postgres itself in REKEY_DATABASE_DIRECT_URL/,
      ])
      const ignoring = await startPooler({
        dataDir: join(rekey.dataDir, 'ignoring'),
        url: direct,
        settings: { ignore_startup_parameters: 'options,statement_timeout' },
      })
      t.teardown(() => ignoring.stop())
      t.match(await postgresIsFit({ DATABASE_URL: ignoring.url, REKEY_DATABASE_POOL: 10 }), [
        /^DATABASE_URL is a connection pooler: name Postgres itself in REKEY_DATABASE_DIRECT_URL/,
      ])
      t.match(
        await errorsOf({ REKEY_DATABASE_DIRECT_URL: ignoring.url }),
        /REKEY_DATABASE_DIRECT_URL is a connection pooler too/,
      )
      await t.rejects(migrate({ databaseUrl: ignoring.url }), {
        message: /connection pooler: set REKEY_DATABASE_DIRECT_URL/,
      })
      const other = new URL(direct)
      other.pathname = '/postgres'
      t.match(
        await errorsOf({ REKEY_DATABASE_DIRECT_URL: other.href }),
        /REKEY_DATABASE_DIRECT_URL is another database/,
      )
    },
  )

  t.test(
    'a start names each setting that the role lacks, and accepts the role after deploy/postgres/pooler.sql',
    async (t) => {
      const errors = (await errorsOf({ REKEY_DATABASE_DIRECT_URL: direct })) ?? []
      t.match(errors.toSorted(), [
        /^DATABASE_URL gives connections with TimeZone Asia\/Kolkata: make UTC the role’s default \(deploy/,
        /^DATABASE_URL gives connections with array_nulls off: make on the role’s default/,
        /^DATABASE_URL gives connections with search_path "\$user", public: make public the role’s default/,
        /^DATABASE_URL gives connections with statement_timeout 2000: make 0 or 10000 ms the role’s default/,
      ])
      await makeDefaults(readFileSync(join(import.meta.dirname, '../../../deploy/postgres/pooler.sql'), 'utf8'))
      // It gives new clients the time zone that it read first.
      await pooler.restart()
      t.same(await errorsOf({ REKEY_DATABASE_DIRECT_URL: direct }), [])
    },
  )

  const delaysMs: number[] = []
  /** Waits until the relay has published everything. */
  const isPublished = async () => {
    const startedAt = performance.now()
    const waiting = () => sql(direct, 'SELECT FROM outbox WHERE published_at IS NULL LIMIT 1')
    await eventually(async () => (await waiting()).length === 0, { what: 'the events to be published' })
    delaysMs.push(performance.now() - startedAt)
  }

  t.test('restores, changes and sign-ins work through the pooler, and LISTEN wakes the relay', async (t) => {
    await rekey.restart(env)
    for (let round = 0; round < 5; round += 1) {
      const customer = await createCustomer(direct)
      const startedAt = rekey.clock.now().getTime()
      t.equal((await restore(rekey, await restoreGrant(rekey, customer), 'violet kettle 41 marsh')).status, 204)
      await isPublished()
      const signedIn = { ...customer, password: 'violet kettle 41 marsh' }
      const token = await signIn(rekey, signedIn)
      const grant = await changeGrant(rekey, signedIn, token)
      t.equal((await change(rekey, token, grant, 'granite 9 willow')).status, 204)
      t.ok(await signsIn(rekey, customer, 'granite 9 willow'))
      const [row] = await sql<{ time: Date }>(
        direct,
        'SELECT create_time AS time FROM password_change WHERE customer_id = $1 ORDER BY id LIMIT 1',
        [customer.id],
      )
      const off = Math.abs((row?.time.getTime() ?? 0) - startedAt)
      t.ok(off < 300_000, `the stored time is ${off} ms off`)
    }
    // Without notifications the relay polls each 5 s.
    const median = delaysMs.toSorted((one, other) => one - other)[2] ?? Number.NaN
    t.ok(median < 2_000, `the relay published after ${Math.round(median)} ms (median)`)
  })

  t.test('imports through the pooler leave no lock, and a second one of the same file is refused', async (t) => {
    const path = join(rekey.dataDir, 'customers.ndjson')
    const run = async (content: string) => {
      writeFileSync(path, content)
      const source = await openSource(path, 'ndjson')
      const customers = await openImport(env)
      try {
        return await customers.run(
          { source, fileName: path, errorsPath: `${path}.refused`, again: false, signal: new AbortController().signal },
          { begins: () => {}, progressed: () => {} },
        )
      } finally {
        await customers.close()
        await source.close()
      }
    }
    const line = (index: number) =>
      `${JSON.stringify({ customer: `POOLED${index}`, identifiers: [{ value: `p${index}@example.com`, verified: true }] })}\n`
    for (let index = 0; index < 10; index += 1) t.equal((await run(line(index))).imported, 1)
    const locks = () =>
      sql(direct, `SELECT FROM pg_locks WHERE locktype = 'advisory' AND objid <> 0 AND classid <> 7281402`)
    await eventually(async () => (await locks()).length === 0, { what: 'no advisory lock' })
  })

  t.test('a reset of all customers and the verification of the history work through the pooler', async (t) => {
    const staff = asBearer(await backOfficeToken(rekey))
    const { body } = await rekey.http.post<{ jobId: string }>('/api/v2/clients/reset-password', {}, staff)
    await eventually(
      async () => (await rekey.http.get<{ state: string }>(`/api/v2/jobs/${body.jobId}`, staff)).body.state === 'done',
      { what: 'the job' },
    )
    await isPublished()
    const { records, invalid } = await verifyHistory(databaseUrlOf(env))
    t.ok(records >= 15, `${records} records`)
    t.equal(invalid, undefined)
  })

  t.test('no connection of the pooler keeps a setting, a lock or a listener of a session', async (t) => {
    const rows = await sql<{ name: string }>(pooler.url, 'SELECT pg_listening_channels() AS name')
    t.same(rows, [])
    const planner = await Promise.all(
      Array.from({ length: 10 }, () => sql<{ enable_sort: string }>(pooler.url, 'SHOW enable_sort')),
    )
    t.ok(
      planner.flat().every(({ enable_sort }) => enable_sort === 'on'),
      'those of the loops end with their transactions',
    )
    t.match(
      await sql(direct, `SELECT FROM pg_stat_activity WHERE application_name = 'rekey-password-service outbox'`),
      {
        length: 1,
      },
    )
  })
})
