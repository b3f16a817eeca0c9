import { execFile } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { buffer } from 'node:stream/consumers'
import { promisify } from 'node:util'
import { gunzipSync } from 'node:zlib'
import { RekeyError } from '@rekey/contracts'
import { eventually } from '@rekey/test-support/eventually'
import fc from 'fast-check'
import t from 'tap'
import { LaterError } from './delivery.ts'
import { createMetrics } from './metrics.ts'
import { systemRandom } from './random.ts'
import { createServer } from './server.ts'
import { currentTraceId, inSpan, runAsSpan } from './trace.ts'
import { startCollector, startTracingWith, traceToReceiver } from './tracing.fixture.ts'

const span = (name: string) => ({ name, kind: 'internal' }) as const
/** Records a trace of one span. @returns its trace id */
const record = (name = 'work', caller?: string) =>
  runAsSpan(systemRandom, caller, span(name), async () => currentTraceId() ?? '')

t.test('no module of the SDK of OpenTelemetry is loaded unless a collector is configured', async (t) => {
  const script = `
    import { registerHooks } from 'node:module'
    let loaded = 0
    registerHooks({ load(url, context, next) { loaded += /@opentelemetry.(sdk|exporter|core)/.test(url); return next(url, context) } })
    await import('./run.ts')
    const { startTracing } = await import('./tracing.ts')
    const { loadConfig, serviceEnv } = await import('./config.ts')
    const { tracingEnv } = await import('./tracing-settings.ts')
    const { Type } = await import('@sinclair/typebox')
    const { createMetrics } = await import('./metrics.ts')
    const { systemRandom } = await import('./random.ts')
    const deps = { name: 'test', log: { event() {} }, metrics: createMetrics(), random: systemRandom }
    await startTracing(loadConfig(Type.Object(tracingEnv), process.env), deps)
    console.log(loaded)
    process.exit()`
  const loadedWith = async (env: Record<string, string>) => {
    const args = ['--input-type=module', '--eval', script]
    return Number((await promisify(execFile)(process.execPath, args, { cwd: import.meta.dirname, env })).stdout)
  }
  const url = { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:9' }
  const [unset, disabled, none, on] = await Promise.all(
    [{}, { ...url, OTEL_SDK_DISABLED: 'true' }, { ...url, OTEL_TRACES_EXPORTER: 'none' }, url].map(loadedWith),
  )
  t.same([unset, disabled, none], [0, 0, 0])
  t.ok(Number(on) > 10)
})

t.test('a collector that hangs, fails or is away delays no request; spans are bounded and logged once', async (t) => {
  const collectors = {
    hangs: await startCollector(t, () => {}),
    fails: await startCollector(t, (_request, response) => void response.writeHead(500).end('words of the collector')),
    'is away': 'http://127.0.0.1:9',
  }
  for (const [behaviour, url] of Object.entries(collectors)) {
    const { counts, logs, close, log } = await startTracingWith(t, {
      OTEL_EXPORTER_OTLP_ENDPOINT: url,
      OTEL_EXPORTER_OTLP_TIMEOUT: '300',
      OTEL_BSP_MAX_QUEUE_SIZE: '8',
      OTEL_BSP_MAX_EXPORT_BATCH_SIZE: '2',
    })
    const app = await createServer({ log, metrics: createMetrics(), random: systemRandom, trustedProxies: [] })
    app.get('/', async () => ({ ok: true }))
    const answers = await Promise.all(Array.from({ length: 40 }, () => app.inject('/')))
    t.ok(
      answers.every(({ statusCode }) => statusCode === 200),
      behaviour,
    )
    const lost = async () => {
      const { failed = 0, dropped = 0 } = await counts()
      return failed + dropped
    }
    await eventually(async () => (await lost()) === 40, {
      what: `lost spans, as the collector ${behaviour}`,
    })
    const { dropped = 0, exported = 0 } = await counts()
    t.ok(dropped >= 30, 'what does not fit in the queue is dropped')
    t.equal(exported, 0)
    t.equal(logs().match(/traces_not_exported/g)?.length, 1)
    t.notMatch(logs(), 'words of the collector')
    await record()
    await close(100)
    await app.close()
  }
})

t.test('what waits is exported at the stop', async (t) => {
  const { receiver, close } = await traceToReceiver(t, { OTEL_BSP_SCHEDULE_DELAY: '60000' })
  const traceId = await record('the last one')
  t.same(receiver.spans, [])
  await close(60_000)
  t.match(receiver.spans, [{ name: 'the last one', traceId }])
  await record('after the stop')
  t.equal(receiver.spans.length, 1)
})

t.test('each sampler records what its name says', async (t) => {
  const caller = (flags: string) => `00-${randomBytes(16).toString('hex')}-${'1'.repeat(16)}-${flags}`
  const samplers = {
    always_on: [1, 1, 1],
    always_off: [0, 0, 0],
    traceidratio: [0, 0, 0],
    parentbased_always_on: [1, 1, 0],
    parentbased_always_off: [0, 1, 0],
    parentbased_traceidratio: [0, 1, 0],
  }
  for (const [OTEL_TRACES_SAMPLER, expected] of Object.entries(samplers)) {
    const { receiver, close } = await traceToReceiver(t, { OTEL_TRACES_SAMPLER, OTEL_TRACES_SAMPLER_ARG: '0' })
    const ids = [await record(), await record('work', caller('01')), await record('work', caller('00'))]
    await close(60_000)
    t.same(
      ids.map((id) => receiver.spans.filter(({ traceId }) => traceId === id).length),
      expected,
      OTEL_TRACES_SAMPLER,
    )
  }
})

t.test('a share of the traces is recorded, each of them whole', async (t) => {
  const { receiver, close } = await traceToReceiver(t, {
    OTEL_TRACES_SAMPLER: 'traceidratio',
    OTEL_TRACES_SAMPLER_ARG: '0.5',
  })
  for (let count = 0; count < 200; count += 1) {
    await runAsSpan(systemRandom, undefined, span('whole'), () => inSpan(span('part'), async () => {}))
  }
  await close(60_000)
  const traces = Map.groupBy(receiver.spans, ({ traceId }) => traceId)
  // Outside this range once in 10^11 runs.
  t.ok(traces.size > 50 && traces.size < 150, `${traces.size} of 200`)
  for (const spans of traces.values()) t.equal(spans.length, 2)
})

t.test('each encoding has the headers, the attributes and the name that variables give', async (t) => {
  for (const [protocol, compression] of [
    ['http/protobuf', 'none'],
    ['http/protobuf', 'gzip'],
    ['http/json', 'gzip'],
  ] as const) {
    const received = Promise.withResolvers<{ headers: NodeJS.Dict<string | string[]>; body: string }>()
    const url = await startCollector(t, async (request, response) => {
      const raw = await buffer(request)
      const { headers } = request
      response.end(() =>
        received.resolve({
          headers,
          body: (headers['content-encoding'] === 'gzip' ? gunzipSync(raw) : raw).toString(),
        }),
      )
    })
    const { close } = await startTracingWith(t, {
      OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: `${url}/own/path`,
      OTEL_EXPORTER_OTLP_PROTOCOL: protocol,
      OTEL_EXPORTER_OTLP_COMPRESSION: compression,
      OTEL_EXPORTER_OTLP_HEADERS: 'x-key=a%20b%2Cc, x-other=1',
      OTEL_SERVICE_NAME: 'named so',
      OTEL_RESOURCE_ATTRIBUTES: 'deployment.environment.name=stage%3D1,team=keys',
    })
    await record('a span')
    const { headers, body } = await received.promise
    t.match(headers, {
      'x-key': 'a b,c',
      'x-other': '1',
      'content-type': protocol === 'http/json' ? 'application/json' : 'application/x-protobuf',
    })
    for (const text of ['a span', 'named so', 'stage=1', 'team', 'keys'])
      t.ok(body.includes(text), `${protocol}: ${text}`)
    await close(60_000)
  }
})

t.test('S35: the message of an error is not exported, whatever it is; its type is', async (t) => {
  const { receiver, close } = await traceToReceiver(t)
  const planted = 'planted'
  const errors = fc.oneof(
    fc.string().map((text) => new Error(planted + text)),
    fc.string().map((text) => Object.assign(new TypeError(planted), { code: `${planted} ${text}`, name: planted })),
    fc.string().map((text) => new RekeyError('internal', { detail: planted + text })),
    fc.string().map((text) => planted + text),
    fc.string().map((text) => ({ planted: text })),
  )
  await fc.assert(
    fc.asyncProperty(errors, async (error) => {
      const work = () => inSpan(span('child'), () => Promise.reject(error))
      await runAsSpan(systemRandom, undefined, span('failing'), work).catch(() => {})
    }),
  )
  const kinds = [
    [Object.assign(new Error(planted), { code: '28P01' }), { 'error.type': '28P01' }],
    [Object.assign(new Error(planted), { code: 'ECONNREFUSED' }), { 'error.type': 'ECONNREFUSED' }],
    [new RekeyError('unavailable'), { 'error.type': 'unavailable' }],
    [new RekeyError('invalid_grant'), { 'rekey.refused': 'invalid_grant' }],
    [new LaterError(20), { 'rekey.refused': 'later' }],
  ] as const
  for (const [index, [error]] of kinds.entries()) {
    await runAsSpan(systemRandom, undefined, span(`kind ${index}`), () => Promise.reject(error)).catch(() => {})
  }
  await close(60_000)
  t.notMatch(receiver.bodies.join(), planted)
  for (const [index, [, attributes]] of kinds.entries()) {
    const found = receiver.spans.find(({ name }) => name === `kind ${index}`)
    t.same(found?.attributes, attributes)
    t.equal(found?.isError, 'error.type' in attributes)
  }
})

t.test('of the children of a span the first 128 are recorded, and the others counted', async (t) => {
  const { receiver, close } = await traceToReceiver(t)
  const results = await runAsSpan(systemRandom, undefined, span('parent'), () =>
    Promise.all(Array.from({ length: 200 }, (_, index) => inSpan(span('child'), async () => index))),
  )
  await close(60_000)
  t.same(
    results,
    Array.from({ length: 200 }, (_, index) => index),
    'all work is done',
  )
  t.equal(receiver.spans.filter(({ name }) => name === 'child').length, 128)
  t.equal(receiver.spans.find(({ name }) => name === 'parent')?.attributes['rekey.children_omitted'], '72')
})
