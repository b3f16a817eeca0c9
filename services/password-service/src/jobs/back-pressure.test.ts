import { NotifyResetRequested } from '@rekey/contracts'
import { eventually } from '@rekey/test-support/eventually'
import { startPasswordService } from '@rekey/test-support/password-service'
import t from 'tap'
import { jobsOf, once } from './jobs.fixture.ts'
import { mostQueued } from './worker.ts'

t.test('B9 for all: the job flows at the rate of the notifier', async (t) => {
  const customers = 400
  const service = await startPasswordService(t)
  const jobs = jobsOf(service)
  await jobs.customers(customers)
  // No notifier runs: these wait, as those of a job's earlier customers would.
  const connection = await service.broker.connected()
  const [jetstream, jsm] = [connection.jetstream(), await connection.jetstreamManager()]
  await Promise.all(Array.from({ length: mostQueued }, () => jetstream.publish(NotifyResetRequested.type, '{}')))
  const isPaused = async () =>
    /rekey_job_paused\{behind="notifier"\} 1/.test(await service.metrics.getSingleMetricAsString('rekey_job_paused'))

  const { jobId } = (await jobs.start()).body
  await eventually(isPaused, { what: 'the job to pause' })
  t.match(await jobs.show(jobId), { state: 'running', done: 0 })
  t.equal(service.logged('password_reset_job_paused').length, 1)

  // The next batch fills the queue again.
  await jsm.streams.purge('NOTIFY', { keep: mostQueued - 1 })
  const { done } = await eventually(
    async () => {
      const job = await jobs.show(jobId)
      return job.done > 0 && (await isPaused()) ? job : undefined
    },
    { what: 'the job to pause again' },
  )
  t.ok(done <= 256, `paused after ${done} customers`)

  await jsm.streams.purge('NOTIFY')
  t.same(await jobs.ended(jobId), { state: 'done', total: customers, done: customers, failed: 0 })
  t.same(await jobs.resetsOf(jobId), [{ resets: once, customers }])
})
