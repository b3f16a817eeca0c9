import { createLogger } from '@rekey/platform/logger'
import { startPasswordService } from '@rekey/testing/password-service'
import t from 'tap'
import { createBudgetStore } from './budgets/budgets.store.ts'
import { createCustomerStore } from './customers/customers.store.ts'
import { openDatabase } from './database.ts'
import { createOutboxStore } from './outbox/outbox.store.ts'
import { createPasswordStore } from './passwords/passwords.store.ts'
import { startSweeper } from './sweeper.ts'

const service = await startPasswordService(t)
const { query } = service
const none = () => Promise.reject(new Error('nothing is replaced here'))

t.test('what has had its day is deleted, in batches, by two sweepers at once, and nothing else', async (t) => {
  const { id } = await service.customer()
  await query(
    `INSERT INTO spent_token SELECT gen_random_uuid(), now() - interval '2 hours' FROM generate_series(1, 600)`,
  )
  await query(`INSERT INTO spent_token VALUES (gen_random_uuid(), now() - interval '1 minute')`)
  await query(`INSERT INTO restore_request VALUES (gen_random_uuid(), ${id}, now() - interval '1 minute')`)
  await query(`INSERT INTO restore_request VALUES (gen_random_uuid(), ${id}, now() + interval '1 minute')`)
  await query(`INSERT INTO outbox (event_id, type, subject, data, created_at, published_at)
               VALUES (gen_random_uuid(), 'password.changed', 'x', '{}', now(), now() - interval '25 hours')`)
  await query(`INSERT INTO outbox (event_id, type, subject, data, created_at, published_at)
               VALUES (gen_random_uuid(), 'password.changed', 'x', '{}', now(), now())`)
  for (const age of ['59 minutes', '61 minutes']) {
    await query(`INSERT INTO restore_send VALUES (gen_random_uuid(), 1, $1, now() - $2::interval)`, [id, age])
  }
  for (const [customerId, age] of [
    [id, '400 days'],
    [null, '29 minutes'],
    [null, '31 minutes'],
  ]) {
    await query(`INSERT INTO restore_failure VALUES (gen_random_uuid(), 1, $1, now() - $2::interval)`, [
      customerId,
      age,
    ])
  }

  const log = createLogger({ name: 'test', level: 'silent' })
  const database = openDatabase({ url: service.variables.DATABASE_URL, poolSize: 2, log })
  const sends = { allowance: 10, windowMs: 3_600_000 }
  const budgets = createBudgetStore({ database, sends, addEvents: none })
  const sweeper = startSweeper({
    deletions: [
      createOutboxStore({ database }).deletePublished,
      budgets.deleteOldSends,
      budgets.deleteUnclaimed,
      createCustomerStore({ database }).deleteExpiredRestores,
      createPasswordStore({
        database,
        endOtherRestores: none,
        endSessions: none,
        keepFormer: none,
        appendChange: none,
        addEvents: none,
      }).deleteExpiredTokens,
    ],
    now: service.clock.now,
    log,
  })
  t.teardown(async () => {
    await sweeper.close()
    await database.close()
  })
  await Promise.all([sweeper.sweep(), sweeper.sweep()])
  t.equal((await query('SELECT 1 FROM outbox')).length, 1)
  t.equal((await query('SELECT 1 FROM restore_request WHERE expires_at < now()')).length, 0)
  t.equal((await query('SELECT 1 FROM restore_request')).length, 1)
  t.equal((await query(`SELECT 1 FROM spent_token WHERE expires_at < now() - interval '1 hour'`)).length, 0)
  t.ok((await query('SELECT 1 FROM spent_token WHERE expires_at < now()')).length >= 1)
  t.equal((await query('SELECT 1 FROM restore_send')).length, 1)
  const failures = await query('SELECT customer_id FROM restore_failure ORDER BY failed_at')
  t.same(failures, [{ customer_id: id }, { customer_id: null }], 'what counts against somebody is kept for ever')
})

t.test('a store that fails keeps no other from its sweep', async (t) => {
  const log = createLogger({ name: 'test', level: 'silent' })
  const swept: string[] = []
  const sweeper = startSweeper({
    deletions: [
      () => Promise.reject(new Error('too slow')),
      async () => {
        swept.push('passwords that nobody decided on')
        return 0
      },
    ],
    now: service.clock.now,
    log,
  })
  t.teardown(() => sweeper.close())
  await t.rejects(sweeper.sweep(), { message: 'too slow' })
  t.equal(swept.length, 1)
})
