import { eventually } from '@rekey/test-support/eventually'
import { createHttp } from '@rekey/test-support/http'
import { startPasswordService } from '@rekey/test-support/password-service'
import pg from 'pg'
import t from 'tap'
import { jobsOf, once } from './jobs.fixture.ts'

t.test('B9 for all: instances that are killed during a job reset each customer once', async (t) => {
  const customers = 2_000
  const service = await startPasswordService(t)
  const jobs = jobsOf(service)
  await jobs.customers(customers)
  // Only separate processes can be killed.
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
  /** Locks the job's row as another worker does. @returns a function that releases the lock */
  const lockJob = async () => {
    const client = new pg.Client(service.variables.DATABASE_URL)
    await client.connect()
    await client.query('BEGIN')
    await client.query('SELECT FROM job FOR UPDATE')
    return () => client.end()
  }
  for (const [at, killed] of [
    [100, first],
    [500, second],
    [900, second],
    [1_300, first],
  ] as const) {
    await eventually(async () => (await done()) >= at, { what: `${at} customers` })
    await killed.kill()
    // The lock stops the other instance, which could otherwise finish the job before this one has restarted.
    const releaseJob = await lockJob()
    t.ok((await done()) < customers, 'the job is not finished')
    await killed.restart()
    await releaseJob()
  }
  t.same(await jobs.ended(body.jobId, http), { state: 'done', total: customers, done: customers, failed: 0 })
  t.same(await jobs.resetsOf(body.jobId), [{ resets: once, customers }])
  t.same(await jobs.brokenChains(), [])

  await service.outboxEmpty()
  const jsm = await (await service.broker.connected()).jetstreamManager()
  // PASSWORD has one more: the start of the job.
  for (const [stream, messages] of [
    ['PASSWORD', customers + 1],
    ['NOTIFY', customers],
  ] as const) {
    t.equal((await jsm.streams.info(stream)).state.messages, messages, `${stream} has each event once`)
  }
})
