import { sandboxCustomers } from '@rekey/contracts'
import { createCustomer } from '@rekey/test-support/customers'
import { eventually } from '@rekey/test-support/eventually'
import { restore, restoreGrant, signsIn } from '@rekey/test-support/flows'
import { startRekey } from '@rekey/test-support/rekey'
import { connect } from 'nats'
import t from 'tap'
import { codeOfTotp } from '../services/password-service/src/factors/factors.fixture.ts'
import { exampleStarter } from './run-example.fixture.ts'

t.setTimeout(300_000)

const timeoutMs = 60_000

const rekey = await startRekey(t)
const { nats, postgres } = rekey
const newCustomer = () => createCustomer(postgres.url)
const broker = await connect({ servers: nats.url })
t.teardown(() => broker.close())

const { start, run } = exampleStarter(t, rekey)

t.test('restore.ts sets a new password', async (t) => {
  const { email } = await newCustomer()
  t.match(await run('restore.ts', [email, 'a new password']), `${email} has a new password.`)
  t.ok(await signsIn(rekey, { email }, 'a new password'))
})

t.test('restore.ts ends with the reason if the policy refuses the password', async (t) => {
  const { email } = await newCustomer()
  await t.rejects(run('restore.ts', [email, 'short']), /answered 422: .*too_short/)
})

t.test('authenticator-app.ts prints the code that the phone of the sandbox’s third customer shows', async (t) => {
  const secret = sandboxCustomers[2]?.totpSecret ?? ''
  const printsNow = async () => {
    const before = codeOfTotp({ secret }, new Date())
    const printed = await run('authenticator-app.ts', [])
    // The next time step may begin meanwhile.
    return [before, codeOfTotp({ secret }, new Date())].includes(printed.trim())
  }
  t.ok(await printsNow())
})

t.test('password-status.ts says if a withdrawal must wait', async (t) => {
  const customer = await newCustomer()
  const { code, email } = customer
  t.equal(await run('password-status.ts', [email]), `${code} may withdraw.\n`)
  await restore(rekey, await restoreGrant(rekey, customer), 'a new password')
  t.match(await run('password-status.ts', [email]), `${code} restored the password: hold withdrawals until 2`)
  const blocked = await createCustomer(postgres.url, { status: 'blocked' })
  t.match(await run('password-status.ts', [blocked.email]), `${blocked.code} is blocked`)
  t.match(await run('password-status.ts', ['nobody@example.com']), 'not a confirmed address')
  await t.rejects(run('password-status.ts', ['']), /password\.status: 400 /)
})

t.test('withdrawal-holds.ts stores every hold once, also after a restart and for a repeated event', async (t) => {
  const first = start('withdrawal-holds.ts')
  await first.prints('listening')
  const restored = async () => {
    const customer = await newCustomer()
    t.equal((await restore(rekey, await restoreGrant(rekey, customer), 'a new password')).status, 204)
    return String(customer.id)
  }
  const kv = await broker.jetstream().views.kv('withdrawal-holds')
  const holdOf = (key: string) => eventually(() => kv.get(key), { what: `the hold of ${key}`, timeoutMs })

  const early = await restored()
  const hold = await holdOf(early)
  t.match(hold.json(), { changeId: Number, holdUntil: /^2/ })
  first.stop()
  t.match(await first.output(), /^password\.restored [\w-]+: stored$/m)

  const late = await restored()
  const second = start('withdrawal-holds.ts')
  t.match((await holdOf(late)).json(), { holdUntil: /^2/ }, 'the broker keeps the event while no listener runs')

  const manager = await broker.jetstreamManager()
  const { data, header } = await manager.streams.getMessage('PASSWORD', { last_by_subj: 'password.restored' })
  header.delete('Nats-Msg-Id')
  const { seq } = await broker.jetstream().publish('password.restored', data, { headers: header })
  t.ok(seq)
  await second.prints(/: nothing new/)
  t.equal((await kv.get(early))?.revision, hold.revision)
  second.stop()
  t.equal((await second.output()).match(/: stored/g)?.length, 1)
})
