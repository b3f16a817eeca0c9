import { randomUUID } from 'node:crypto'
import { scopes } from '@rekey/contracts'
import { eventually } from '@rekey/test-support/eventually'
import { race } from '@rekey/test-support/flows'
import { createHttp } from '@rekey/test-support/http'
import { startPasswordService } from '@rekey/test-support/password-service'
import t from 'tap'
import { jobsOf, once } from './jobs.fixture.ts'

t.test('B9 for all: two instances reset each customer once, and none that was created later', async (t) => {
  const service = await startPasswordService(t)
  const { query } = service
  const jobs = jobsOf(service)
  await service.startAnother()
  await jobs.customers(300)
  const [withHistory, blocked, withoutAddress] = [
    await service.customer({ hash: 'none that fits' }),
    await service.customer({ status: 'blocked', hash: 'none that fits' }),
    await service.customer({ emails: [] }),
  ]
  await service.change(withHistory)

  const started = await jobs.start()
  t.equal(started.status, 202)
  t.match(started.body, { jobId: /^[0-9a-f-]{36}$/ })
  const { jobId } = started.body
  const createdLater = await service.customer({ hash: 'none that fits' })
  t.same(await jobs.ended(jobId), { state: 'done', total: 303, done: 303, failed: 0 })

  t.same(
    new Set((await jobs.resetsOf(jobId)).map(({ resets, customers }) => `${customers} × ${resets}`)),
    new Set([`301 × ${once}`, '1 × 1 1 1 2 t 0', '1 × 1 1 0 1 0', '1 × 0 0 0 0 f 0']),
    'three differ: a previous change, no address and no password, created later',
  )
  t.same(await jobs.brokenChains(), [])
  t.equal((await query('SELECT 1 FROM password_change WHERE customer_id = $1', [createdLater.id])).length, 0)
  t.match(await query('SELECT * FROM password_change WHERE customer_id = $1', [blocked.id]), [
    { type: 'changed', operation: 'reset', actor: 'back_office', actor_id: 'backend_fin', client_id: 'backend_fin' },
  ])

  await service.outboxEmpty()
  t.match(await service.events('PASSWORD', withoutAddress.code), [
    { type: 'password.reset-requested', data: { jobId, actorId: 'backend_fin', sessionEpoch: Number } },
  ])
  t.match(await service.events('NOTIFY', blocked.code), [{ type: 'notify.reset-requested' }])
  t.match(service.logged('password_reset_job_started'), [{ job: jobId, actorId: 'backend_fin', total: 303 }])
  t.match(service.logged('password_reset_job_done'), [{ job: jobId, done: 303, failed: 0 }])
})

t.test('B9 for all: a customer whose reset fails is counted, logged and skipped', async (t) => {
  const service = await startPasswordService(t)
  const jobs = jobsOf(service)
  await jobs.customers(300)
  const rows = await service.query<{ id: number }>(
    `UPDATE customer SET session_epoch = 2147483647 WHERE id % 100 = 7 RETURNING id`,
  )
  t.equal(rows.length, 3)
  const { jobId } = (await jobs.start()).body
  t.same(await jobs.ended(jobId), { state: 'done', total: 300, done: 297, failed: 3 })
  t.same(
    service.logged('password_reset_fail').map(({ job, customerId }) => ({ job, customerId })),
    rows.map(({ id }) => ({ job: jobId, customerId: id })),
  )
  t.match(await jobs.resetsOf(jobId), [
    { resets: once, customers: 297 },
    { resets: '0 0 0 f 1', customers: 3 },
  ])
})

t.test('B9 for all: without the broker the job pauses at 500 waiting events, and can be cancelled', async (t) => {
  const service = await startPasswordService(t)
  const { query } = service
  const jobs = jobsOf(service)
  await jobs.customers(1_000)
  await service.nats.kill()
  const { jobId } = (await jobs.start()).body
  const waiting = async () => {
    const [row] = await query<{ n: number }>('SELECT count(*)::int AS n FROM outbox WHERE published_at IS NULL')
    return row?.n ?? 0
  }
  await eventually(async () => (await waiting()) >= 500, { what: '500 waiting events' })
  const stalled = await jobs.show(jobId)
  t.ok(stalled.done >= 250 && stalled.done < 500, `paused at ${stalled.done}`)

  const again = await race(5, () => jobs.start())
  t.same(
    again.map(({ status, body }) => [status, body.jobId]),
    Array(5).fill([202, jobId]),
    'one job at a time',
  )
  t.equal((await query('SELECT 1 FROM job')).length, 1)

  const cancelled = await jobs.cancel(jobId)
  t.equal(cancelled.status, 200)
  t.match(cancelled.body, { state: 'cancelled', total: 1_000, failed: 0 })
  t.same((await jobs.cancel(jobId)).body, cancelled.body, 'a repeated cancel has the same answer')
  t.match(service.logged('password_reset_job_cancelled'), [{ job: jobId, actorId: 'backend_fin' }])

  await service.nats.restart()
  await service.outboxEmpty()
  t.same(await jobs.show(jobId), cancelled.body, 'completed resets remain, and no further one is done')
  t.match(await jobs.resetsOf(jobId), [
    { resets: '0 0 0 0 f 1', customers: 1_000 - cancelled.body.done },
    { resets: once, customers: cancelled.body.done },
  ])

  const next = (await jobs.start()).body
  t.not(next.jobId, jobId, 'after it a new job starts')
  t.match(await jobs.ended(next.jobId), { state: 'done', done: 1_000 })
  t.match((await jobs.cancel(next.jobId)).body, { state: 'done' }, 'a finished job is not changed')
})

t.test("B9 for all: another customer's events are published during a job", async (t) => {
  const service = await startPasswordService(t)
  const jobs = jobsOf(service)
  await jobs.customers(3_000)
  const { jobId } = (await jobs.start()).body
  await eventually(async () => (await jobs.show(jobId)).done > 0, { what: 'the first batch' })
  // A token of the second in which the job started has ended.
  service.clock.advance(1_000)
  const customer = await service.customer()
  t.equal((await service.change(customer)).status, 204)
  const left = await eventually(
    async () => {
      const [row] = await service.query<{ ahead: number; behind: number }>(
        `SELECT count(*) FILTER (WHERE other.id < mine.id AND other.published_at >= mine.created_at)::int AS ahead,
                count(*) FILTER (WHERE other.id > mine.id)::int AS behind
         FROM outbox mine CROSS JOIN outbox other
         WHERE mine.subject = $1 AND mine.type = 'password.changed' AND mine.published_at IS NOT NULL`,
        [customer.code],
      )
      return row && row.behind > 100 ? row : undefined
    },
    { what: 'its event to be published before others of the job' },
  )
  t.ok(left.ahead <= 1_000, `${left.ahead} events were ahead of it`)
  await jobs.cancel(jobId)
})

t.test('B9 for all: an instance that stops finishes its batch, and the next one continues the job', async (t) => {
  const service = await startPasswordService(t)
  const jobs = jobsOf(service)
  await jobs.customers(800)
  const { jobId } = (await jobs.start()).body
  await eventually(async () => (await jobs.show(jobId)).done > 0, { what: 'the first batch' })
  await service.app.close()
  const other = await service.startAnother()
  t.match(await jobs.ended(jobId, createHttp(other.url)), { state: 'done', done: 800, failed: 0 })
  t.same(await jobs.resetsOf(jobId), [{ resets: once, customers: 800 }])
  t.same(await jobs.brokenChains(), [])
})

t.test('B9 for all: without Postgres the job waits, and continues when it is back', async (t) => {
  const service = await startPasswordService(t, { privatePostgres: true })
  const jobs = jobsOf(service)
  await jobs.customers(800)
  const { jobId } = (await jobs.start()).body
  await eventually(async () => (await jobs.show(jobId)).done > 0, { what: 'the first batch' })
  await service.postgres?.stop()
  await eventually(() => service.logs().includes('jobs: a batch failed'), { what: 'the job to wait' })
  await service.postgres?.restart()
  await eventually(async () => (await jobs.ended(jobId)) !== undefined, { timeoutMs: 60_000 })
  t.match(await jobs.show(jobId), { state: 'done', done: 800, failed: 0 })
  t.same(await jobs.resetsOf(jobId), [{ resets: once, customers: 800 }])
})

t.test('B9 for all: only the back office starts, shows and cancels a job; an unknown job is a 404', async (t) => {
  const service = await startPasswordService(t)
  const customer = await service.customer()
  const send = (method: string, path: string, authorization: string) =>
    service.http.send(method, path, { ...(authorization && { authorization }) })
  const backOffice = service.bearer('backend_fin', scopes.backOffice)
  for (const [method, path] of [
    ['POST', '/api/v2/clients/reset-password'],
    ['GET', `/api/v2/jobs/${randomUUID()}`],
    ['POST', `/api/v2/jobs/${randomUUID()}/cancel`],
  ] as const) {
    t.equal((await send(method, path, '')).status, 401, path)
    t.equal((await send(method, path, service.bearer(customer.code))).status, 403, path)
    if (path.startsWith('/api/v2/jobs')) t.equal((await send(method, path, backOffice)).status, 404, path)
  }
  t.equal((await service.query('SELECT 1 FROM job')).length, 0)
})
