import { eventually } from '@rekey/test-support/eventually'
import { createHttp } from '@rekey/test-support/http'
import { startPasswordService } from '@rekey/test-support/password-service'
import pg from 'pg'
import t from 'tap'
import { jobsOf, once } from './jobs.fixture.ts'

t.test('B9 for all: instances killed in the middle of a job, again and again, reset each customer once', async (t) => {
  const customers = 4_000
  const service = await startPasswordService(t)
  const jobs = jobsOf(service)
  await jobs.customers(customers)
  // The work is for those that can be killed alone.
  await service.app.close()
  const instances = await Promise.all([service.startProcess(1), service.startProcess(2)])
  const [first, second] = instances
  const http = createHttp(second.url)

  const { status, body } = await jobs.start(http)
  t.equal(status, 202)
  const done = async () => {
    const [row] = await service.query<{ done: number }>('SELECT done FROM job')
    return row?.done ?? 0
  }
  /** Holds the job's row as another worker would. @returns what lets it go */
  const hold = async () => {
    const holder = new pg.Client(service.variables.DATABASE_URL)
    await holder.connect()
    await holder.query('BEGIN')
    await holder.query('SELECT FROM job FOR UPDATE')
    return () => holder.end()
  }
  for (const [at, killed] of [
    [200, first],
    [1_000, second],
    [1_800, second],
    [2_600, first],
  ] as const) {
    await eventually(async () => (await done()) >= at, { what: `${at} customers`, timeoutMs: 60_000 })
    await killed.kill()
    // The other one would go on, on a slow machine to the end, before this one is back: both wait until it is.
    const goOn = await hold()
    t.ok((await done()) < customers, 'in the middle')
    await killed.restart()
    await goOn()
  }
  t.same(await jobs.ended(body.jobId, http), { state: 'done', total: customers, done: customers, failed: 0 })
  t.same(await jobs.resetsOf(body.jobId), [{ resets: once, customers }])
  t.same(await jobs.brokenChains(), [])

  await service.outboxEmpty()
  const jsm = await (await service.broker.connected()).jetstreamManager()
  for (const stream of ['PASSWORD', 'NOTIFY']) {
    t.equal((await jsm.streams.info(stream)).state.messages, customers, `${stream} has each event once`)
  }
})
