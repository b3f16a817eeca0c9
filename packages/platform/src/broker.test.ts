import { LoginFailed, PasswordVerify, RekeyError, version } from '@rekey/contracts'
import { freePort } from '@rekey/local-servers/ports'
import { eventually } from '@rekey/test-support/eventually'
import t from 'tap'
import { keepLogs, startBroker } from './broker.fixture.ts'
import { connectBroker } from './broker.ts'
import { createMetrics } from './metrics.ts'
import { callRpc, serveRpcs } from './rpc.ts'

const login = { account: 'a', clientId: 'ib_localhost', ip: '203.0.113.7' }

const storedLogins = async ({ broker }: Awaited<ReturnType<typeof startBroker>>) => {
  const jsm = await (await broker.connected()).jetstreamManager()
  return (await jsm.streams.info('AUTH')).state.messages
}

t.test('an event that is published twice with one id is stored once', async (t) => {
  const parts = await startBroker(t)
  await eventually(() => storedLogins(parts).then(() => true))
  for (const _ of [1, 2]) await parts.publisher.publish(LoginFailed, { id: 'one', subject: 'a', data: login })
  await parts.publisher.publish(LoginFailed, { subject: 'a', data: login })
  t.equal(await storedLogins(parts), 2)
})

t.test('S25: publishing while the broker is unavailable is refused at once, and nothing is sent later', async (t) => {
  const parts = await startBroker(t)
  await eventually(() => storedLogins(parts).then(() => true))
  await parts.nats.kill()
  await eventually(() => parts.logs().includes('broker is unavailable'))
  const started = Date.now()
  await t.rejects(parts.publisher.publish(LoginFailed, { subject: 'a', data: login }), {
    code: 'unavailable',
    retryAfterSeconds: 2,
  })
  t.ok(Date.now() - started < 50)
  await parts.nats.restart()
  t.equal(await eventually(() => storedLogins(parts).then((count) => ({ count }))).then(({ count }) => count), 0)
})

t.test('publishing to a broker that stalls is refused within two seconds', async (t) => {
  const parts = await startBroker(t)
  await eventually(() => storedLogins(parts).then(() => true))
  parts.nats.pause()
  t.teardown(() => parts.nats.resume())
  let started = 0
  // The signal needs a moment to stop every thread of the server: one event may still be stored.
  const refusal = await eventually(() => {
    started = Date.now()
    return parts.publisher.publish(LoginFailed, { subject: 'a', data: login }).then(
      () => undefined,
      (error: unknown) => error,
    )
  })
  t.match(refusal, { code: 'unavailable' })
  t.ok(Date.now() - started < 2_000)
})

t.test('closing does not wait for a broker that stalls', async (t) => {
  const parts = await startBroker(t)
  parts.nats.pause()
  t.teardown(() => parts.nats.resume())
  const started = Date.now()
  await parts.broker.close()
  t.ok(Date.now() - started < 2_000)
})

t.test('a service may start before the broker, and closes at once without it', async (t) => {
  const port = await freePort()
  const { log } = keepLogs(t)
  const broker = connectBroker({ url: `nats://127.0.0.1:${port}`, name: 'test', log, metrics: createMetrics() })
  t.throws(() => broker.connection(), { code: 'unavailable' })
  await t.rejects(broker.check())
  const waiting = t.rejects(broker.connected(), /broker closed/)
  const started = Date.now()
  await broker.close()
  await waiting
  t.ok(Date.now() - started < 500)
})

t.test('a set-up is retried until it succeeds, and runs again after every new connection', async (t) => {
  const parts = await startBroker(t)
  let runs = 0
  parts.broker.onConnect(async () => {
    runs += 1
    if (runs === 1) throw new Error('JetStream is not ready')
  })
  await eventually(() => runs === 2)
  await parts.nats.kill()
  await parts.nats.restart()
  await eventually(() => runs === 3)
})

const ready = async () => {}

t.test('no RPC is accepted before the service is ready', async (t) => {
  const parts = await startBroker(t)
  let isReady = false
  let calls = 0
  const answer = async () => {
    calls += 1
    return { verified: false }
  }
  const readyLater = async () => {
    if (!isReady) throw new Error('a store is unavailable')
  }
  const service = { name: 'test', version, description: 'test' }
  serveRpcs({ ...parts.deps, ready: readyLater }, service, [{ rpc: PasswordVerify, answer }])
  const verify = () => callRpc(parts.broker, PasswordVerify, { username: 'a@example.com', password: 'x' })
  await t.rejects(verify(), { code: 'unavailable' })
  t.equal(calls, 0)
  isReady = true
  t.same(await eventually(verify), { verified: false })
})

t.test('an RPC is answered, also after the broker was killed and restarted', async (t) => {
  const parts = await startBroker(t)
  const answer = async ({ password }: { password: string }) => {
    if (password === 'broken') throw new Error('an internal error')
    if (password === 'busy') throw new RekeyError('unavailable')
    return { verified: false }
  }
  const service = { name: 'test', version, description: 'test' }
  serveRpcs({ ...parts.deps, ready }, service, [{ rpc: PasswordVerify, answer }])
  const verify = (password: string) => callRpc(parts.broker, PasswordVerify, { username: 'a@example.com', password })

  t.same(await eventually(() => verify('x')), { verified: false })
  for (const refused of ['', 'broken', 'busy']) await t.rejects(verify(refused), { code: 'unavailable' })

  await parts.nats.kill()
  await eventually(() => parts.logs().includes('broker is unavailable'))
  await t.rejects(verify('x'), { code: 'unavailable' })
  await parts.nats.restart()
  t.same(await eventually(() => verify('x')), { verified: false })
})

t.test('S33: an RPC whose reply subject is an event is not answered', async (t) => {
  const parts = await startBroker(t)
  let calls = 0
  const answer = async () => {
    calls += 1
    return { verified: false }
  }
  const service = { name: 'test', version, description: 'test' }
  serveRpcs({ ...parts.deps, ready }, service, [{ rpc: PasswordVerify, answer }])
  const request = { username: 'a@example.com', password: 'x' }
  await eventually(() => callRpc(parts.broker, PasswordVerify, request))
  const connection = parts.broker.connection()
  for (const reply of [LoginFailed.type, undefined]) {
    connection.publish(PasswordVerify.subject, JSON.stringify(request), { ...(reply && { reply }) })
  }
  await callRpc(parts.broker, PasswordVerify, request)
  t.equal(calls, 2)
  t.equal(await storedLogins(parts), 0)
})

t.test('an RPC without a server is unavailable at once', async (t) => {
  const parts = await startBroker(t)
  const started = Date.now()
  await t.rejects(callRpc(parts.broker, PasswordVerify, { username: 'a@example.com', password: 'x' }), {
    code: 'unavailable',
  })
  t.ok(Date.now() - started < 1_000)
})
