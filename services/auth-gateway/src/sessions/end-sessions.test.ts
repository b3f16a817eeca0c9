import { PasswordChanged, PasswordRestored, PasswordSet, sessionEpochAt } from '@rekey/contracts'
import { connectBroker } from '@rekey/platform/broker'
import { createLogger } from '@rekey/platform/logger'
import { createMetrics } from '@rekey/platform/metrics'
import { createPublisher } from '@rekey/platform/publisher'
import { systemRandom } from '@rekey/platform/random'
import { createCustomer, sql, type TestCustomer } from '@rekey/test-support/customers'
import { eventually } from '@rekey/test-support/eventually'
import { askLogin, signIn } from '@rekey/test-support/flows'
import { startRekey } from '@rekey/test-support/rekey'
import { decodeJwt } from 'jose'
import t from 'tap'
import { endingEvents } from './end-sessions.consumer.ts'

const rekey = await startRekey(t)
const broker = connectBroker({
  url: rekey.nats.url,
  name: 'test',
  log: createLogger({ name: 'test', level: 'silent' }),
  metrics: createMetrics(),
})
t.teardown(() => broker.close())
await broker.connected()
const publisher = createPublisher({ broker, source: 'test', now: rekey.clock.now, random: systemRandom })

const fields = ({ code, id }: TestCustomer, sessionEpoch: number) => ({
  customer: code,
  customerId: id,
  changeId: 1,
  actor: 'back_office' as const,
  actorId: code,
  clientId: 'ib_localhost',
  channel: 'email' as const,
  ip: '::1',
  digest: '',
  sessionEpoch,
  // Of an erasure.
  records: 0,
  usernames: [],
})

/** Uses a route of the gateway: the test's events do not change the password-service. */
const isEnded = async (token: string) => {
  const path = '/api/v2/my/2fa/challenge?businessProcess=changePassword'
  const { status } = await rekey.http.get(path, { authorization: `Bearer ${token}` })
  return status === 401
}

t.test('S21: each event that ends sessions ends them at the gateway', async (t) => {
  for (const kind of endingEvents) {
    const customer = await createCustomer(rekey.postgres.url)
    const token = await signIn(rekey, customer)
    t.notOk(await isEnded(token))
    await publisher.publish(kind as typeof PasswordSet, {
      subject: customer.code,
      data: fields(customer, 1),
    })
    await t.resolves(
      eventually(() => isEnded(token), { what: kind.type }),
      kind.type,
    )
  }
})

t.test('S21: a late or repeated event neither reopens nor ends a session', async (t) => {
  const customer = await createCustomer(rekey.postgres.url)
  const [maker, other] = [await signIn(rekey, customer), await signIn(rekey, customer)]
  const changed = {
    subject: customer.code,
    data: { ...fields(customer, 2), keptSession: String(decodeJwt(maker).sid) },
  }
  await publisher.publish(PasswordChanged, changed)
  await eventually(() => isEnded(other), { what: 'the change to end the other session' })
  await publisher.publish(PasswordRestored, { subject: customer.code, data: fields(customer, 1) })
  await publisher.publish(PasswordChanged, changed)
  const jsm = await (await broker.connected()).jetstreamManager()
  for (const durable of ['auth-gateway-password-restored', 'auth-gateway-password-changed']) {
    await eventually(
      async () => {
        const { num_pending, num_ack_pending } = await jsm.consumers.info('PASSWORD', durable)
        return num_pending + num_ack_pending === 0
      },
      { what: `${durable} to handle all events` },
    )
  }
  t.ok(await isEnded(other))
  t.notOk(await isEnded(maker), 'the session that made the change stays active')
})

t.test('S47: an epoch beyond the clock becomes a dead letter, and ends no session', async (t) => {
  const jsm = await (await broker.connected()).jetstreamManager()
  const customer = await createCustomer(rekey.postgres.url)
  const token = await signIn(rekey, customer)
  const now = sessionEpochAt(rekey.clock.now())
  for (const kind of endingEvents) {
    for (const epoch of [2_147_483_647, now + 3_600]) {
      await publisher.publish(kind as typeof PasswordSet, { subject: customer.code, data: fields(customer, epoch) })
    }
  }
  const letters = async () => (await jsm.streams.info('DEAD')).state.messages
  await eventually(async () => (await letters()) === 2 * endingEvents.length, { what: 'the dead letters' })
  const last = await jsm.streams.getMessage('DEAD', { last_by_subj: `dead.${PasswordSet.type}` })
  t.match(last.header.get('rekey-reason'), /^the session epoch is in the future$/)
  t.notOk(await isEnded(token))
  t.ok(await signIn(rekey, customer), 'the customer signs in')
})

t.test(
  'S47: an epoch that only the gateway has ends the sessions once, and does not keep the customer out',
  async (t) => {
    const customer = await createCustomer(rekey.postgres.url)
    const before = await signIn(rekey, customer)
    const forged = sessionEpochAt(rekey.clock.now())
    await publisher.publish(PasswordSet, { subject: customer.code, data: fields(customer, forged) })
    await eventually(() => isEnded(before), { what: 'the end of the session' })

    const after = await signIn(rekey, customer)
    t.notOk(await isEnded(after))
    t.equal(decodeJwt(after).session_epoch, forged, 'the password-service has the same epoch now')
    t.ok(rekey.logs.some((line) => line.includes('"session_epoch_raised"')))
    t.ok(await isEnded(before))
  },
)

t.test(
  'S21: a sign-in whose password was verified before all sessions ended is refused, also with a right code',
  async (t) => {
    const customer = await createCustomer(rekey.postgres.url)
    const { answer, confirmation } = await askLogin(rekey, customer)
    const [row] = await sql<{ epoch: number }>(
      rekey.postgres.url,
      'UPDATE customer SET session_epoch = $2 WHERE code = $1 RETURNING session_epoch AS epoch',
      [customer.code, sessionEpochAt(rekey.clock.now())],
    )
    const token = await signIn(rekey, customer)
    await publisher.publish(PasswordSet, { subject: customer.code, data: fields(customer, row?.epoch ?? 0) })
    const settled = async () => {
      const jsm = await (await broker.connected()).jetstreamManager()
      const { num_pending, num_ack_pending } = await jsm.consumers.info('PASSWORD', 'auth-gateway-password-set')
      return num_pending + num_ack_pending === 0
    }
    await eventually(settled, { what: 'the event to be handled' })
    const late = { grant_type: 'mfa_oob', mfa_token: answer.body.mfa_token, code: confirmation }
    t.match(await rekey.http.post('/oauth/v2/token', late), { status: 400, body: { error: 'invalid_grant' } })
    t.notOk(await isEnded(token))
  },
)
