import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ChallengeFailed, LoginFailed } from '@rekey/contracts'
import { eventually } from '@rekey/testing/eventually'
import t, { type Test } from 'tap'
import { keepLogs, startBroker, startConfiguredNats } from './broker.fixture.ts'
import { type Broker, connectBroker } from './broker.ts'
import { createMetrics } from './metrics.ts'
import { createPublisher, type Publisher } from './publisher.ts'
import { systemRandom } from './random.ts'
import { createRecorder, type Recorder } from './recorder.ts'
import { ensureStreams } from './streams.ts'

const login = (account: string) => ({
  subject: account,
  data: { account, clientId: 'ib_localhost', ip: '203.0.113.7' },
})
const challenge = (challengeId: string) => ({
  subject: challengeId,
  data: { challengeId, purpose: 'restore' as const, clientId: 'ib_localhost', ip: '203.0.113.7', attempt: 1 },
})

/** A recorder in a time that moves when it is told to. */
const startRecorder = (t: Test, publisher: Publisher) => {
  const { log, logs } = keepLogs()
  const metrics = createMetrics()
  let time = 0
  const recorder = createRecorder({ publisher, elapsedMs: () => time, metrics, log })
  t.teardown(() => recorder.close())
  const lines = () =>
    logs()
      .split('\n')
      .filter(Boolean)
      .map((line) => JSON.parse(line))
  return {
    recorder,
    elapse(ms: number) {
      time += ms
    },
    told: (msg: string) => lines().filter((line) => line.msg === msg),
    dropped: async (reason: string) =>
      (await metrics.getSingleMetric('rekey_facts_dropped_total')?.get())?.values.find(
        ({ labels }) => labels.reason === reason,
      )?.value ?? 0,
  }
}

/** Subjects on the stream, in order. */
const storedBy = async (broker: Broker) => {
  const jsm = await (await broker.connected()).jetstreamManager()
  const { state } = await jsm.streams.info('AUTH')
  const numbers = Array.from({ length: state.messages }, (_, index) => state.first_seq + index)
  const messages = await Promise.all(numbers.map((seq) => jsm.streams.getMessage('AUTH', { seq })))
  return messages.map((message) => message.header.get('ce-subject'))
}
const record = (recorder: Recorder, kinds: string) => {
  for (const [index, kind] of [...kinds].entries()) {
    if (kind === 'l') recorder.record(LoginFailed, login(`login ${index}`))
    else recorder.record(ChallengeFailed, challenge(`challenge ${index}`))
  }
}

/** A broker whose one user may publish no failed sign-ins. */
const startStrictBroker = async (t: Test) => {
  const dataDir = mkdtempSync(join(tmpdir(), 'rekey-recorder-'))
  t.teardown(() => rmSync(dataDir, { recursive: true, force: true }))
  const server = await startConfiguredNats(
    t,
    dataDir,
    `jetstream { store_dir: "${dataDir}" }
    authorization { users: [{ user: service, password: secret, permissions: { publish: { deny: "${LoginFailed.type}" } } }] }`,
  )
  const access = { user: 'service', pass: 'secret' }
  const broker = connectBroker({
    url: server.url,
    ...access,
    name: 'test',
    log: keepLogs().log,
    metrics: createMetrics(),
  })
  t.teardown(() => broker.close())
  ensureStreams(broker, ['AUTH'], { REKEY_PROFILE: 'sandbox', REKEY_STREAM_REPLICAS: 1 })
  await eventually(() => storedBy(broker).then(() => true))
  return { broker, publisher: createPublisher({ broker, source: 'test', now: () => new Date(), random: systemRandom }) }
}

t.test('an event that the broker goes on refusing is told, then dropped, and keeps no other back', async (t) => {
  const { broker, publisher } = await startStrictBroker(t)
  const { recorder, elapse, told, dropped } = startRecorder(t, publisher)
  record(recorder, 'clclc')
  await eventually(() => told('fact not published yet').length === 1)
  t.match(told('fact not published yet'), [{ severity: 'warn', type: LoginFailed.type, id: String }])
  elapse(29_000)
  t.same(await storedBy(broker), ['challenge 0'], 'leave may still be given')
  elapse(1_000)
  await eventually(async () => (await storedBy(broker)).length === 3)
  t.same(await storedBy(broker), ['challenge 0', 'challenge 2', 'challenge 4'])
  const lost = told('fact dropped: the broker refuses it')
  t.match(lost, Array(2).fill({ severity: 'error', lost: LoginFailed.type, id: String }), 'the second one at once')
  t.equal(await dropped('refused'), 2)
  t.equal(told('fact not published yet').length, 1)
})

t.test('events outlast a broker that is away, however long, and come in order', async (t) => {
  const { broker, publisher, nats } = await startBroker(t, ['AUTH'])
  await eventually(() => storedBy(broker).then(() => true))
  const { recorder, elapse, told, dropped } = startRecorder(t, publisher)
  await nats.kill()
  record(recorder, 'lcl')
  await eventually(() => told('fact not published yet').length === 1)
  elapse(3_600_000)
  await nats.restart()
  await eventually(async () => (await storedBy(broker)).length === 3)
  t.same(await storedBy(broker), ['login 0', 'challenge 1', 'login 2'])
  t.equal(await dropped('refused'), 0)
})

t.test('more events than may wait are dropped, told and counted', async (t) => {
  const { publisher, nats } = await startBroker(t, ['AUTH'])
  const { recorder, told, dropped } = startRecorder(t, publisher)
  await nats.kill()
  record(recorder, 'l'.repeat(10_003))
  t.equal(told('fact dropped: the broker is away').length, 3)
  t.equal(await dropped('away'), 3)
})
