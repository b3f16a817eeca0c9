import { createLogger } from '@rekey/platform/logger'
import { createMetrics } from '@rekey/platform/metrics'
import { createProgress } from '@rekey/platform/progress'
import { startPasswordService } from '@rekey/test-support/password-service'
import t from 'tap'
import { deleteOldSends } from './codes/restore-sends.ts'
import { deleteExpiredRestores } from './customers/restore-requests.ts'
import { deleteUnclaimedFailures } from './lockout/failed-attempts.store.ts'
import { openLoops } from './loops.fixture.ts'
import { deleteOldMessages } from './messages/messages.store.ts'
import { deleteExpiredLinks } from './notifications/report-links.ts'
import { deletePublished } from './outbox/outbox.store.ts'
import { deleteExpiredTokens } from './passwords/grant.ts'
import { startSweeper } from './sweeper.ts'

const service = await startPasswordService(t)
const { query } = service

t.test('two concurrent sweeps delete all rows that are no longer needed, and no others', async (t) => {
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
  for (const age of ['29 days', '31 days']) {
    await query(
      `INSERT INTO message (ref, send_number, customer_id, kind, purpose, channel, masked_to, asked_at, status, status_at)
       VALUES (gen_random_uuid(), 1, $1, 'code', 'login', 'email', 'a*b@example.com', now() - $2::interval, 'waiting', now())`,
      [id, age],
    )
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

  for (const [hmac, age] of Object.entries({ kept: '6 days', deleted: '8 days' })) {
    await query(`INSERT INTO report_link VALUES ($1, gen_random_uuid(), 1, 1, 'sms', now() - $2::interval)`, [
      hmac,
      age,
    ])
  }

  const loops = openLoops(t, service.variables.DATABASE_URL)
  const sweeper = startSweeper({
    deletions: {
      'published events': deletePublished(loops, 24 * 3_600_000),
      'old sends': deleteOldSends(loops, { allowance: 10, windowMs: 3_600_000 }),
      'unclaimed failures': deleteUnclaimedFailures(loops),
      'expired restores': deleteExpiredRestores(loops),
      'expired tokens': deleteExpiredTokens(loops),
      'expired report links': deleteExpiredLinks(loops),
      'old messages': deleteOldMessages(loops),
    },
    metrics: createMetrics(),
    progress: createProgress({ elapsedMs: () => performance.now(), metrics: createMetrics() }),
    now: service.clock.now,
    log: createLogger({ name: 'test', level: 'silent' }),
  })
  t.teardown(() => sweeper.close())
  await Promise.all([sweeper.sweep(), sweeper.sweep()])
  t.equal((await query('SELECT 1 FROM outbox')).length, 1)
  t.same(await query('SELECT handle_hmac AS link FROM report_link'), [{ link: 'kept' }])
  t.equal((await query('SELECT 1 FROM message')).length, 1)
  t.equal((await query('SELECT 1 FROM restore_request WHERE expires_at < now()')).length, 0)
  t.equal((await query('SELECT 1 FROM restore_request')).length, 1)
  t.equal((await query(`SELECT 1 FROM spent_token WHERE expires_at < now() - interval '1 hour'`)).length, 0)
  t.ok((await query('SELECT 1 FROM spent_token WHERE expires_at < now()')).length >= 1)
  t.equal((await query('SELECT 1 FROM restore_send')).length, 1)
  const failures = await query('SELECT customer_id FROM restore_failure ORDER BY failed_at')
  t.same(failures, [{ customer_id: id }, { customer_id: null }], 'failed attempts of a customer are kept')
})

t.test('a failed deletion is counted and retried with fewer rows, and the others still run', async (t) => {
  const limits: number[] = []
  const deleted: string[] = []
  const metrics = createMetrics()
  const sweeper = startSweeper({
    deletions: {
      'too many': async (_now, limit) => {
        limits.push(limit)
        if (limit > 125) throw new Error('statement timeout')
        return 0
      },
      others: async () => {
        deleted.push('others')
        return 0
      },
    },
    metrics,
    progress: createProgress({ elapsedMs: () => performance.now(), metrics: createMetrics() }),
    now: service.clock.now,
    log: createLogger({ name: 'test', level: 'silent' }),
  })
  t.teardown(() => sweeper.close())
  for (let attempt = 0; attempt < 3; attempt += 1) await sweeper.sweep().catch(() => {})
  t.same(limits, [500, 250, 125])
  t.equal(deleted.length, 3)
  t.match(await metrics.getSingleMetricAsString('rekey_sweep_failures_total'), /rows="too many"\} 2$/m)
})
