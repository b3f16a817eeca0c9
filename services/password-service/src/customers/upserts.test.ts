import { createLogger } from '@rekey/platform/logger'
import { eventually } from '@rekey/test-support/eventually'
import { startInfrastructure } from '@rekey/test-support/infrastructure'
import pg from 'pg'
import t from 'tap'
import { openDatabase } from '../database.ts'
import { storeCustomers } from './upserts.store.ts'

t.test('an upsert and a job lock customers in the same order: no deadlock', async (t) => {
  const { postgres } = await startInfrastructure(t, { postgres: true })
  const log = createLogger({ name: 'test', level: 'silent' })
  const database = openDatabase({ url: postgres.url, poolSize: 2, log })
  const job = new pg.Client({ connectionString: postgres.url })
  // A connection of its own: within a transaction pg_stat_activity does not change.
  const observer = new pg.Client({ connectionString: postgres.url })
  await Promise.all([job.connect(), observer.connect()])
  t.teardown(() => Promise.all([job.end(), observer.end(), database.close()]))
  // The order of the codes is the reverse of the order of the ids.
  await job.query(`INSERT INTO customer (id, code) VALUES (1, 'Z'), (2, 'A')`)
  await job.query('BEGIN')
  await job.query('SELECT 1 FROM customer WHERE id = 1 FOR UPDATE')

  const given = ['A', 'Z'].map((code) => ({
    code,
    locale: 'de-DE',
    timezone: undefined,
    identifiers: undefined,
    hash: undefined,
    totps: [],
    passkeys: [],
  }))
  const stored = database.transaction((tx) => storeCustomers(tx, given, new Date()))
  await eventually(
    async () =>
      (
        await observer.query(
          `SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()`,
        )
      ).rowCount === 1,
    { what: 'the upsert to wait for the job' },
  )
  await t.resolves(job.query('SELECT 1 FROM customer WHERE id = 2 FOR UPDATE NOWAIT'), 'the job is not blocked')
  await job.query('COMMIT')
  t.equal((await stored).length, 2)
})

t.test('upserts that exchange addresses, in any order of them, end without a deadlock', async (t) => {
  const { postgres } = await startInfrastructure(t, { postgres: true })
  const log = createLogger({ name: 'test', level: 'silent' })
  const database = openDatabase({ url: postgres.url, poolSize: 8, log, statementTimeoutMs: 30_000 })
  const observer = new pg.Client({ connectionString: postgres.url })
  await observer.connect()
  t.teardown(() => Promise.all([observer.end(), database.close()]))
  const values = Array.from({ length: 400 }, (_, index) => `exchanged${index}@example.com`)
  const given = (code: string, addresses: string[]) => ({
    code,
    locale: undefined,
    timezone: undefined,
    identifiers: addresses.map((value) => ({ kind: 'email' as const, value, verified: false })),
    hash: undefined,
    totps: [],
    passkeys: [],
  })
  const store = (code: string, addresses: string[]) =>
    database.transaction((tx) => storeCustomers(tx, [given(code, addresses)], new Date()), { timeoutMs: 60_000 })
  await Promise.all(['A', 'B', 'C', 'D'].map((code) => store(code, [])))
  for (let round = 0; round < 4; round += 1) {
    const results = await Promise.allSettled([
      store('A', values),
      store('B', values.toReversed()),
      store('C', values.slice(200)),
      store('D', [...values.slice(100), ...values.slice(0, 100)].toReversed()),
    ])
    // One that another has overtaken is repeated by its caller; it has not waited for the detection of a deadlock.
    for (const result of results) t.notMatch(result, { reason: { cause: { code: /40P01|P2034/ } } })
  }
  const { rows } = await observer.query(
    'SELECT deadlocks::int AS deadlocks FROM pg_stat_database WHERE datname = current_database()',
  )
  t.same(rows, [{ deadlocks: 0 }])
})
