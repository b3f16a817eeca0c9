import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startNats } from '@rekey/local-servers/nats'
import { eventually } from '@rekey/test-support/eventually'
import { connect, DiscardPolicy, type NatsError, nanos, RetentionPolicy } from 'nats'
import t, { type Test } from 'tap'
import { keepLogs } from './broker.fixture.ts'
import { connectBroker } from './broker.ts'
import { createMetrics } from './metrics.ts'
import { createProgress } from './progress.ts'
import { watchStreams } from './stream-watch.ts'
import { ensureStreams, makeStreams } from './streams.ts'

/** A broker without permissions, and its operator. */
const start = async (t: Test) => {
  const dataDir = mkdtempSync(join(tmpdir(), 'rekey-streams-'))
  t.teardown(() => rmSync(dataDir, { recursive: true, force: true }))
  const nats = await startNats({ dataDir })
  t.teardown(() => nats.stop())
  const operator = await connect({ servers: nats.url })
  t.teardown(() => operator.close())
  const { streams } = await operator.jetstreamManager()
  const startService = () => {
    const { log, logs } = keepLogs(t)
    const service = connectBroker({ url: nats.url, name: 'test', log, metrics: createMetrics() })
    t.teardown(() => service.close())
    ensureStreams(service, ['AUTH'], { REKEY_PROFILE: 'production', REKEY_STREAM_REPLICAS: 3 })
    const isReady = () =>
      service.check().then(
        () => true,
        () => false,
      )
    return { isReady, logs }
  }
  /** A service that watches its streams. */
  const startWatch = () => {
    const { log, logs } = keepLogs(t)
    const metrics = createMetrics()
    const broker = connectBroker({ url: nats.url, name: 'test', log, metrics })
    t.teardown(() => broker.close())
    const progress = createProgress({ elapsedMs: () => performance.now(), metrics })
    const watch = watchStreams(['AUTH'], { broker, metrics, progress, now: () => new Date(), log, everyMs: 50 })
    t.teardown(() => watch.close())
    const metric = async (name: string) => {
      const found = await metrics.getSingleMetric(name)?.get()
      return found?.values.find(({ labels }) => labels.stream === 'AUTH')?.value
    }
    return { degraded: progress.degraded, logs, metric }
  }
  return { operator, streams, startService, startWatch }
}

t.test('in production the operator creates the streams and sets the number of replicas', async (t) => {
  const { operator, streams, startService } = await start(t)
  const { isReady, logs } = startService()
  await eventually(() => logs().includes('stream DEAD is missing: run npm run streams'))
  t.notOk(await isReady())
  t.same(await streams.list().next(), [], 'it makes none')

  await makeStreams(operator, ['AUTH'], 1)
  await eventually(isReady, { what: 'the service to be ready' })
  t.equal((await streams.info('AUTH')).config.num_replicas, 1)
})

t.test('in production a service does not change a stream that differs from the contracts', async (t) => {
  const { operator, streams, startService } = await start(t)
  await makeStreams(operator, ['AUTH'], 1)
  await streams.update('AUTH', { max_msgs: 7, max_age: nanos(86_400_000) })
  const { isReady, logs } = startService()
  await eventually(() => logs().includes('stream AUTH differs in max_age: run npm run streams'))
  t.notOk(await isReady())
  t.match((await streams.info('AUTH')).config, { max_msgs: 7, max_age: nanos(86_400_000) })
})

t.test('a service is unready while a stream could refuse or drop events, until the operator updates it', async (t) => {
  const { operator, streams, startService } = await start(t)
  await makeStreams(operator, ['AUTH'], 1)
  const { isReady, logs } = startService()
  await eventually(isReady, { what: 'the service to be ready' })
  const settings = { discard: DiscardPolicy.New, max_msg_size: 100, max_msgs_per_subject: 1, no_ack: true }
  for (const [name, value] of Object.entries(settings)) {
    await streams.update('AUTH', { [name]: value })
    const another = startService()
    await eventually(() => another.logs().includes(`stream AUTH differs in ${name}: run npm run streams`))
    t.notOk(await another.isReady(), name)
    await makeStreams(operator, ['AUTH'], 1)
    await eventually(another.isReady, { what: 'the service to be ready' })
  }
  t.notMatch(logs(), /differs in/)

  await streams.update('AUTH', { sealed: true } as object)
  const another = startService()
  await eventually(() => another.logs().includes('stream AUTH differs in'))
  t.match(another.logs(), /stream AUTH differs in [a-z_, ]*sealed/)
})

t.test(
  'the work queue of the version before is updated in place, keeps its messages, and refuses when it is full',
  async (t) => {
    const { operator, streams } = await start(t)
    const subjects = ['notify.code', 'notify.password-changed']
    await streams.add({
      name: 'NOTIFY',
      subjects,
      retention: RetentionPolicy.Workqueue,
      discard: DiscardPolicy.Old,
      max_age: nanos(7 * 86_400_000),
    })
    const jetstream = operator.jetstream()
    for (const subject of subjects) await jetstream.publish(subject, 'before')
    await makeStreams(operator, ['NOTIFY'], 1)
    const { config, state } = await streams.info('NOTIFY')
    t.match(config, { discard: DiscardPolicy.New, discard_new_per_subject: true, max_age: 0, max_bytes: -1 })
    t.equal(state.messages, 2)

    await streams.update('NOTIFY', { max_msgs_per_subject: 3 })
    for (const content of ['2', '3']) await jetstream.publish('notify.password-changed', content)
    const refusal = await jetstream.publish('notify.password-changed', '4').catch((error: NatsError) => error)
    t.match(refusal, { api_error: { err_code: 10_077 } })
    await jetstream.publish('notify.code', 'a code')
    const kept = await streams.info('NOTIFY', { subjects_filter: '>' })
    t.same(kept.state.subjects, { 'notify.code': 2, 'notify.password-changed': 3 }, 'nothing is dropped')
  },
)
t.test('the operator’s sizes and longer ages stay, and do not make a service unready', async (t) => {
  const { operator, streams, startService } = await start(t)
  await makeStreams(operator, ['AUTH'], 1)
  t.equal((await streams.info('AUTH')).config.max_bytes, 512 * 1024 * 1024, 'a first size')
  const larger = { max_bytes: 600 * 1024 ** 2, max_age: nanos(30 * 86_400_000) }
  await streams.update('AUTH', { ...larger, max_msg_size: 1 })
  await makeStreams(operator, ['AUTH'], 1)
  t.match((await streams.info('AUTH')).config, { ...larger, max_msg_size: -1 })
  const { isReady } = startService()
  await eventually(isReady, { what: 'the service to be ready' })
})

t.test('S47: a stream that is changed while a service runs makes it degraded until it is corrected', async (t) => {
  const { operator, streams, startWatch } = await start(t)
  await makeStreams(operator, ['AUTH'], 1)
  const { degraded, logs } = startWatch()
  const foreign = ['auth.limit.exceeded', 'customers.upsert']
  await streams.update('AUTH', { subjects: foreign })
  await eventually(() => 'stream AUTH' in degraded())
  t.match(degraded(), { 'stream AUTH': 'stream AUTH differs in subjects: run npm run streams' })
  t.match(logs(), /"event":"stream_changed","stream":"AUTH"/)
  await makeStreams(operator, ['AUTH'], 1)
  await eventually(() => Object.keys(degraded()).length === 0)
})

t.test('a size that deletes events before the least age is logged and measured', async (t) => {
  const { operator, streams, startWatch } = await start(t)
  await makeStreams(operator, ['AUTH'], 1)
  const publish = async (count: number) => {
    for (let sent = 0; sent < count; sent += 1) await operator.jetstream().publish('auth.limit.exceeded', '{}')
  }
  await streams.update('AUTH', { max_msgs: 10 })
  const { metric, logs } = startWatch()
  await publish(9)
  t.notMatch(logs(), /stream_cut_off/)
  await publish(9)
  await eventually(async () => ((await metric('rekey_stream_cut_off_seconds')) ?? 0) > 6 * 86_400)
  t.match(logs(), /stream AUTH deletes messages 7.0 days before its least age: raise its size/)
  await streams.update('AUTH', { max_msgs: 1_000 })
  await eventually(async () => (await metric('rekey_stream_cut_off_seconds')) === 0)
})
