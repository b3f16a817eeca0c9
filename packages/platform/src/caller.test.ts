import { connect } from 'node:net'
import { text } from 'node:stream/consumers'
import { eventually } from '@rekey/test-support/eventually'
import t from 'tap'
import { keepLogs } from './broker.fixture.ts'
import { createMetrics } from './metrics.ts'
import { systemRandom } from './random.ts'
import { createServer } from './server.ts'
import { currentTraceId } from './trace.ts'

interface Settings {
  trustedProxies?: string[]
  adoptsTraces?: boolean
  isHttpsOnly?: boolean
  host?: string
}

/** A server that answers with what it takes the caller and the trace for. */
const start = async (t: Tap, { trustedProxies = [], host = '127.0.0.1', ...settings }: Settings) => {
  const { log, logs } = keepLogs(t)
  const app = await createServer({
    log,
    metrics: createMetrics(),
    random: systemRandom,
    trustedProxies,
    logsRequests: true,
    ...settings,
  })
  app.get('/caller', { config: { public: true } }, async ({ ip }) => ({ ip, traceId: currentTraceId() }))
  await app.listen({ host, port: 0 })
  t.teardown(() => app.close())
  const { port } = app.server.address() as { port: number }
  const get = async (headers: Record<string, string> = {}) => {
    const answer = await fetch(`http://127.0.0.1:${port}/caller`, { headers })
    return { status: answer.status, ...((await answer.json()) as { ip: string; traceId: string }) }
  }
  return { get, logs, port, url: `http://127.0.0.1:${port}` }
}
/** The log lines of answered requests. */
const answeredIn = (logs: string): Record<string, unknown>[] =>
  logs
    .split('\n')
    .flatMap((line) => line || [])
    .map((line) => JSON.parse(line))
    .filter(({ route }) => route !== undefined)

type Tap = { teardown(work: () => unknown): void }

t.test(
  'S30: the address that a proxy forwards has one spelling, with or without port, brackets, zone and mapping',
  async (t) => {
    const { get, logs } = await start(t, { trustedProxies: ['127.0.0.1', '10.0.0.0/8'] })
    const spelled = {
      '203.0.113.7': [
        '203.0.113.7',
        '203.0.113.7:5678',
        '::ffff:203.0.113.7',
        '[::ffff:203.0.113.7]:443',
        ' 203.0.113.7 ',
        '::FFFF:cb00:7107',
      ],
      '2001:db8::1': ['2001:db8::1', '2001:DB8:0:0:0:0:0:1', '[2001:db8::1]', '[2001:db8::1]:443', '2001:db8::1%eth0'],
    }
    for (const [ip, forms] of Object.entries(spelled)) {
      for (const form of forms) {
        for (const forwarded of [form, `198.51.100.1, ${form}`, `${form}, 10.1.2.3:80`, `${form}, ::ffff:10.1.2.3`]) {
          t.match(await get({ 'x-forwarded-for': forwarded }), { status: 200, ip }, forwarded)
        }
      }
    }
    const logged = () => new Set(answeredIn(logs()).map(({ address }) => address))
    await eventually(() => logged().size === Object.keys(spelled).length)
    t.same(logged(), new Set(Object.keys(spelled)), 'the log has the same text')
    for (const odd of ['unknown', '_hidden', '', '1.2.3', '203.0.113.7, unknown']) {
      t.equal((await get({ 'x-forwarded-for': odd })).status, odd === '' ? 200 : 400, odd)
    }
  },
)

t.test('S30: what a stranger forwards is ignored, in every spelling', async (t) => {
  const { get } = await start(t, { trustedProxies: ['10.0.0.0/8'] })
  for (const forwarded of ['203.0.113.7', '[2001:db8::1]:443', 'unknown']) {
    t.match(await get({ 'x-forwarded-for': forwarded }), { status: 200, ip: '127.0.0.1' })
  }
})

t.test('a dual-stack socket gives IPv4 clients their IPv4 address', async (t) => {
  const { get } = await start(t, { host: '::' })
  t.equal((await get()).ip, '127.0.0.1')
})

const traceId = '4bf92f3577b34da6a3ce929d0e0e4736'
const traceparent = `00-${traceId}-00f067aa0ba902b7-01`

t.test('the trace of a stranger is logged beside a new one, and not adopted', async (t) => {
  for (const settings of [
    {},
    { adoptsTraces: true },
    { trustedProxies: ['127.0.0.1'] },
    { trustedProxies: ['10.0.0.0/8'], adoptsTraces: true },
  ]) {
    const { get, logs } = await start(t, settings)
    const answer = await get({ traceparent, 'x-forwarded-for': '203.0.113.7' })
    t.match(answer.traceId, /^[0-9a-f]{32}$/)
    t.not(answer.traceId, traceId)
    const [line] = await eventually(() => (answeredIn(logs()).length > 0 ? answeredIn(logs()) : undefined))
    t.match(line, { traceId: answer.traceId, callerTraceId: traceId })
  }
})

t.test('the trace of a trusted proxy is continued', async (t) => {
  const { get } = await start(t, { trustedProxies: ['127.0.0.1'], adoptsTraces: true })
  t.equal((await get({ traceparent, 'x-forwarded-for': '203.0.113.7' })).traceId, traceId)
  t.not((await get({ traceparent: 'malformed', 'x-forwarded-for': '203.0.113.7' })).traceId, traceId)
})

t.test('S34: HSTS is in every answer of a server that is reached by https alone, and in none of another', async (t) => {
  for (const isHttpsOnly of [true, false]) {
    const { port } = await start(t, { isHttpsOnly })
    for (const request of ['GET /caller', 'GET /nothing', 'DELETE /caller', 'GET /%zz', 'FETCH /', 'POST /caller']) {
      const socket = connect(port, '127.0.0.1')
      socket.write(`${request} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`)
      const answer = await text(socket)
      t.equal(/^strict-transport-security: max-age=31536000\r$/im.test(answer), isHttpsOnly, request)
      t.match(answer, /^cache-control: no-store\r$/im)
    }
  }
})
