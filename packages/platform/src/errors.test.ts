import { request } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import { RekeyError, unavailable } from '@rekey/contracts'
import { Type } from '@sinclair/typebox'
import t from 'tap'
import { keepLogs } from './broker.fixture.ts'
import { createMetrics } from './metrics.ts'
import { systemRandom } from './random.ts'
import { createServer } from './server.ts'

type Tap = { teardown(work: () => unknown): void }

const Echo = {
  body: Type.Object({ state: Type.Optional(Type.String()), password: Type.String({ minLength: 1, maxLength: 64 }) }),
}

/** The same routes below both prefixes, so that errors take both forms. */
const startServer = async (t: Tap) => {
  const { log, logs } = keepLogs(t)
  const app = await createServer({ log, metrics: createMetrics(), random: systemRandom, trustedProxies: [] })
  for (const prefix of ['/oauth/v2', '/api/v2']) {
    app.post(`${prefix}/echo`, { schema: Echo, config: { public: true } }, async ({ body }) => body)
    app.post(`${prefix}/away`, { config: { public: true } }, async () => {
      throw unavailable(new Error('connection refused by 10.0.0.7'))
    })
    app.post(`${prefix}/broken`, { config: { public: true } }, async () => {
      throw new TypeError('secret detail')
    })
    app.post(`${prefix}/late`, { config: { public: true } }, async () => {
      throw new RekeyError('too_many_requests', { retryAfterSeconds: 60 })
    })
    app.post(`${prefix}/limited`, { config: { public: true } }, async () => {
      const policy = { name: 'code-address', windowSeconds: 600 }
      throw new RekeyError('too_many_requests', { retryAfterSeconds: 60, allowance: 300, policy })
    })
    app.post(`${prefix}/unauthorized`, { config: { public: true } }, async () => {
      throw new RekeyError('invalid_token')
    })
    app.post(`${prefix}/scoped`, { config: { scopes: ['ONE', 'OTHER'] } }, async () => {
      throw new RekeyError('insufficient_scope')
    })
  }
  await app.listen({ host: '127.0.0.1', port: 0 })
  t.teardown(() => app.close())
  const { port } = app.server.address() as AddressInfo

  const send = async (
    path: string,
    {
      method = 'POST',
      headers = {},
      body,
    }: { method?: string; headers?: Record<string, string>; body?: string | Buffer } = {},
  ) => {
    const sent = request({ host: '127.0.0.1', port, path, method, headers })
    const answered = new Promise<Awaited<ReturnType<typeof read>>>((resolve, reject) => {
      sent.on('response', (response) => read(response).then(resolve, reject))
      sent.on('error', reject)
    })
    sent.end(body)
    return answered
  }
  const read = async (response: import('node:http').IncomingMessage) => {
    const content = await text(response)
    return { status: response.statusCode, headers: response.headers, body: content ? JSON.parse(content) : undefined }
  }
  return { send, logs }
}

const json = { 'content-type': 'application/json' }

const refusals: [string, Parameters<Awaited<ReturnType<typeof startServer>>['send']>[1], number, string][] = [
  ['/nothing', {}, 404, 'not_found'],
  ['/echo', { method: 'PUT' }, 405, 'method_not_allowed'],
  ['/echo', { headers: json, body: '{"password":' }, 400, 'invalid_request'],
  ['/echo', { headers: json, body: '' }, 400, 'invalid_request'],
  ['/echo', { headers: json, body: '[]' }, 400, 'invalid_request'],
  ['/echo', { headers: json, body: '{"password":7}' }, 400, 'invalid_request'],
  ['/echo', { headers: json, body: `{"password":"${'x'.repeat(17 * 1024)}"}` }, 413, 'payload_too_large'],
  ['/echo', { headers: { 'content-type': 'text/xml' }, body: '<a/>' }, 415, 'unsupported_media_type'],
  ['/late', { headers: json, body: '{}' }, 429, 'too_many_requests'],
  ['/broken', { headers: json, body: '{}' }, 500, 'internal'],
  ['/away', { headers: json, body: '{}' }, 503, 'unavailable'],
]

t.test('S31: every error outside /oauth has the problem form', async (t) => {
  const { send } = await startServer(t)
  for (const [path, request, status, code] of refusals) {
    const answer = await send(`/api/v2${path}`, request)
    t.match(
      answer,
      {
        status,
        headers: { 'content-type': /^application\/problem\+json/, 'cache-control': 'no-store' },
        body: { type: `urn:rekey:problem:${code}`, title: String, status, detail: String, code },
      },
      `${path} ${status}`,
    )
  }
})

t.test('S28: every error below /oauth has the OAuth form', async (t) => {
  const { send } = await startServer(t)
  const oauth: Record<number, string> = {
    429: 'temporarily_unavailable',
    500: 'server_error',
    503: 'temporarily_unavailable',
  }
  for (const [path, request, status] of refusals) {
    const { headers, body, ...answer } = await send(`/oauth/v2${path}`, request)
    t.equal(answer.status, status, `${path} ${status}`)
    t.match(headers, { 'content-type': /^application\/json/, 'cache-control': 'no-store' })
    t.same(Object.keys(body), ['error', 'error_description'])
    t.equal(body.error, oauth[status] ?? 'invalid_request')
  }
})

t.test('an error echoes the state and names the field, the allowed methods and Retry-After', async (t) => {
  const { send } = await startServer(t)
  t.match((await send('/oauth/v2/echo', { headers: json, body: '{"state":"s1"}' })).body, {
    state: 's1',
    error_description: 'password is missing.',
  })
  t.match((await send('/api/v2/echo', { headers: json, body: '{"password":""}' })).body, {
    errors: [{ field: 'password', code: 'too_short' }],
  })
  t.equal((await send('/api/v2/echo', { method: 'DELETE' })).headers.allow, 'POST')
  t.equal((await send('/api/v2/late', { headers: json, body: '{}' })).headers['retry-after'], '60')
  t.equal((await send('/api/v2/away', { headers: json, body: '{}' })).headers['retry-after'], '2')
})

t.test('S31: an unexpected error is logged in full and answered without details', async (t) => {
  const { send, logs } = await startServer(t)
  for (const path of ['/api/v2/broken', '/api/v2/away']) {
    const { body } = await send(path, { headers: json, body: '{}' })
    t.notMatch(JSON.stringify(body), /secret detail|10\.0\.0\.7|at .*\.ts/)
  }
  t.match(logs(), 'secret detail')
})

t.test('S31: huge headers, a malformed path and invalid bytes are a clear 4xx', async (t) => {
  const { send } = await startServer(t)
  t.match(await send('/api/v2/echo', { headers: { 'x-huge': 'x'.repeat(20_000) } }), {
    status: 431,
    body: { code: 'headers_too_large' },
  })
  t.match(await send('/api/v2/%E0%A4%A', { method: 'GET' }), { status: 400, body: { code: 'invalid_request' } })
  const bytes = Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d])
  t.match(await send('/api/v2/echo', { headers: json, body: bytes }), { status: 400 })
})

t.test('S28: WWW-Authenticate has an error for a bearer token alone, and names one scope that suffices', async (t) => {
  const { send } = await startServer(t)
  const plain = 'Bearer realm="rekey"'
  const sent: [authorization: string | undefined, challenge: string][] = [
    [undefined, plain],
    ['', plain],
    ['Basic Og==', plain],
    ['Digest username="x"', plain],
    ['Bearer', plain],
    ['Bearer ', plain],
    ['Bearertoken', plain],
    ['Bearer abc', `${plain}, error="invalid_token"`],
    ['bearer  abc', `${plain}, error="invalid_token"`],
  ]
  for (const prefix of ['/oauth/v2', '/api/v2']) {
    for (const [authorization, challenge] of sent) {
      const headers = authorization === undefined ? {} : { authorization }
      const answer = await send(`${prefix}/unauthorized`, { headers })
      t.equal(answer.headers['www-authenticate'], challenge, authorization ?? 'none')
    }
    const scoped = await send(`${prefix}/scoped`, { headers: { authorization: 'Bearer abc' } })
    t.equal(scoped.headers['www-authenticate'], `${plain}, error="insufficient_scope", scope="ONE"`)
  }
})

t.test('a refusal by a quota has the RateLimit headers of the current draft, and those of draft 06', async (t) => {
  const { send } = await startServer(t)
  t.match((await send('/api/v2/limited')).headers, {
    'retry-after': '60',
    'ratelimit-policy': '"code-address";q=300;w=600',
    ratelimit: '"code-address";r=0;t=60',
    'ratelimit-limit': '300',
    'ratelimit-remaining': '0',
    'ratelimit-reset': '60',
  })
  t.notOk((await send('/api/v2/late')).headers.ratelimit)
})
