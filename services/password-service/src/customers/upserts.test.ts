import { createLogger } from '@rekey/platform/logger'
import { eventually } from '@rekey/test-support/eventually'
import { startInfrastructure } from '@rekey/test-support/infrastructure'
import pg from 'pg'
import t from 'tap'
import { openDatabase } from '../database.ts'
import { createUpsertStore } from './upserts.store.ts'

t.test('many customers are locked in the order in which a job locks them: neither waits in a circle', async (t) => {
  const { postgres } = await startInfrastructure(t, { postgres: true })
  const log = createLogger({ name: 'test', level: 'silent' })
  const database = openDatabase({ url: postgres.url, poolSize: 2, log })
  const job = new pg.Client({ connectionString: postgres.url })
  // Within its transaction a session sees no news of the others.
  const observer = new pg.Client({ connectionString: postgres.url })
  await Promise.all([job.connect(), observer.connect()])
  t.teardown(() => Promise.all([job.end(), observer.end(), database.close()]))
  // The codes are in the other order than the ids.
  await job.query(`INSERT INTO customer (id, code) VALUES (1, 'Z'), (2, 'A')`)
  await job.query('BEGIN')
  await job.query('SELECT 1 FROM customer WHERE id = 1 FOR UPDATE')

  const store = createUpsertStore({ database })
  const given = ['A', 'Z'].map((code) => ({
    code,
    locale: 'de-DE',
    timezone: undefined,
    identifiers: undefined,
    hash: undefined,
  }))
  const stored = store.transaction((tx) => store.store(tx, given, new Date()))
  await eventually(
    async () =>
      (
        await observer.query(
          `SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()`,
        )
      ).rowCount === 1,
    { what: 'the customers given to wait for the job' },
  )
  await t.resolves(job.query('SELECT 1 FROM customer WHERE id = 2 FOR UPDATE NOWAIT'), 'the job goes on')
  await job.query('COMMIT')
  t.equal((await stored).length, 2)
})
