import {
  CompromiseReported,
  CustomerBlocked,
  PasswordChanged,
  PasswordReset,
  PasswordResetRequested,
  PasswordRestored,
  PasswordSet,
} from '@rekey/contracts'
import { connectBroker } from '@rekey/platform/broker'
import { createLogger } from '@rekey/platform/logger'
import { createMetrics } from '@rekey/platform/metrics'
import { createPublisher } from '@rekey/platform/publisher'
import { systemRandom } from '@rekey/platform/random'
import { createCustomer, type TestCustomer } from '@rekey/test-support/customers'
import { eventually } from '@rekey/test-support/eventually'
import { signIn } from '@rekey/test-support/flows'
import { startRekey } from '@rekey/test-support/rekey'
import { decodeJwt } from 'jose'
import t from 'tap'

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
})

/** Uses a route of the gateway: the test's events do not change the password-service. */
const isEnded = async (token: string) => {
  const path = '/api/v2/my/2fa/challenge?businessProcess=changePassword'
  const { status } = await rekey.http.get(path, { authorization: `Bearer ${token}` })
  return status === 401
}

t.test('S21: each event that ends sessions ends them at the gateway', async (t) => {
  const kinds = [
    PasswordChanged,
    PasswordRestored,
    PasswordReset,
    PasswordSet,
    PasswordResetRequested,
    CompromiseReported,
    CustomerBlocked,
  ]
  for (const kind of kinds) {
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
