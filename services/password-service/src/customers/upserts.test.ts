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
