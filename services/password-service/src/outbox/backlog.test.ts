import { createLogger } from '@rekey/platform/logger'
import { startInfrastructure } from '@rekey/testing/infrastructure'
import pg from 'pg'
import t from 'tap'
import { openDatabase } from '../database.ts'
import { createOutboxStore } from './outbox.store.ts'

t.test('S24: a backlog that comes all at once leaves, whatever Postgres last saw of the outbox', async (t) => {
  const { postgres } = await startInfrastructure(t, { postgres: true })
  const database = openDatabase({
    url: postgres.url,
    poolSize: 2,
    log: createLogger({ name: 'test', level: 'silent' }),
  })
  const client = new pg.Client({ connectionString: postgres.url })
  await client.connect()
  t.teardown(() => Promise.all([client.end(), database.close()]))
  const fill = (count: number, publishedAt: string) =>
    client.query(
      `INSERT INTO outbox (event_id, type, subject, data, created_at, published_at)
       SELECT gen_random_uuid(), 'password.changed', 'C' || n / 3, '{}', now(), ${publishedAt}
       FROM generate_series(0, $1::int - 1) AS n`,
      [count],
    )

  // As it is on any day when the broker goes away: everything that there was has left.
  await client.query('ALTER TABLE outbox SET (autovacuum_enabled = false)')
  await fill(20_000, 'now()')
  await client.query('ANALYZE outbox')
  await fill(150_000, 'NULL')

  const subjects: string[] = []
  const relayed = await createOutboxStore({ database }).relay(100, new Date(), async (events) => {
    subjects.push(...events.map(({ subject }) => subject))
    return events.map(({ rowId }) => rowId)
  })
  t.same(relayed, { taken: 100, published: 100 })
  t.same(
    subjects,
    Array.from({ length: 100 }, (_, n) => `C${n}`),
    'the first of each customer, the oldest first',
  )
})
