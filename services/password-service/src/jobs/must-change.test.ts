import { PasswordStatus } from '@rekey/contracts'
import { callRpc } from '@rekey/platform/rpc'
import { eventually } from '@rekey/test-support/eventually'
import { startPasswordService } from '@rekey/test-support/password-service'
import pg from 'pg'
import t from 'tap'
import { jobsOf } from './jobs.fixture.ts'

t.test(
  'B9 for all: the old password must be changed before the job reaches its customer, unless it is cancelled',
  async (t) => {
    const service = await startPasswordService(t)
    const jobs = jobsOf(service)
    const options = { hash: 'none that fits' }
    const [first, pending, replaced] = [
      await service.customer(options),
      await service.customer(options),
      await service.customer(options),
    ]
    const without = await service.customer()
    const mustChange = async ({ code }: { code: string }) => {
      const status = await callRpc(service.broker, PasswordStatus, { customer: code })
      return 'mustChange' in status && status.mustChange
    }
    // The job cannot reset its first customer, nor those behind.
    const client = new pg.Client(service.variables.DATABASE_URL)
    t.teardown(() => client.end())
    await client.connect()
    await client.query('BEGIN')
    await client.query('SELECT FROM customer WHERE id = $1 FOR UPDATE', [first.id])
    t.equal(await mustChange(pending), false)

    const { jobId } = (await jobs.start()).body
    // A token of the second in which the job started has ended.
    service.clock.advance(1_000)
    const later = await service.customer(options)
    t.equal((await service.change(replaced)).status, 204)
    t.equal(await mustChange(pending), true)
    t.equal(await mustChange(replaced), false, 'who replaced the password has a new one')
    t.equal(await mustChange(without), false, 'who has none need not change it')
    t.equal(await mustChange(later), false, 'who came later is no part of the job')

    await eventually(async () => (await jobs.cancel(jobId)).status === 200, { what: 'the job to be cancelled' })
    t.equal(await mustChange(pending), false)
  },
)
