import { eventually } from '@rekey/test-support/eventually'
import { startPasswordService } from '@rekey/test-support/password-service'
import t from 'tap'
import { jobsOf, once } from './jobs.fixture.ts'

/** As the worker allows, with a batch and the outbox that are under way. */
const mostQueued = 5_000 + 128 + 500

t.test(
  'B9 for all: the job flows at the rate of the notifier, and continues when notifications have left',
  async (t) => {
    const customers = 7_000
    const service = await startPasswordService(t)
    const jobs = jobsOf(service)
    await jobs.customers(customers)
    const jsm = await (await service.broker.connected()).jetstreamManager()
    const queued = async () => (await jsm.streams.info('NOTIFY')).state.messages
    const paused = async () =>
      /rekey_job_paused\{behind="notifier"\} 1/.test(
        await service.metrics.getSingleMetricAsString('rekey_job_paused').catch(() => ''),
      )

    const { jobId } = (await jobs.start()).body
    // No notifier runs.
    await eventually(paused, { what: 'the job to pause', timeoutMs: 120_000 })
    await service.outboxEmpty()
    const { done } = await jobs.show(jobId)
    t.ok(done >= 5_000 && done <= mostQueued, `paused after ${done} customers`)
    t.ok((await queued()) <= mostQueued, `${await queued()} notifications wait`)
    t.match(service.logged('password_reset_job_paused').length, 1)

    await jsm.streams.purge('NOTIFY', { keep: 4_000 })
    await eventually(async () => (await jobs.show(jobId)).done > done, { what: 'the job to continue' })
    await jsm.streams.purge('NOTIFY')
    t.match(await jobs.ended(jobId), { state: 'done', done: customers, failed: 0 })
    t.same(await jobs.resetsOf(jobId), [{ resets: once, customers }])
  },
)
