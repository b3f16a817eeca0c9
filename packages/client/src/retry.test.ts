import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { http } from '@rekey/contracts'
import t from 'tap'
import { createClient, type HttpOptions, type Operations } from './index.ts'

type Fetch = NonNullable<HttpOptions['fetch']>

const routes = Object.keys(http) as (keyof Operations)[]
/** They send a code, verify a password or give out a challenge: nothing is left behind if they are refused. */
const codes: (keyof Operations)[] = [
  'POST /oauth/v2/passwordRestore',
  'POST /oauth/v2/login',
  'POST /oauth/v2/challenge',
  'GET /api/v2/my/2fa/challenge',
  'GET /api/v2/my/2fa/unauthorized/challenge',
  'POST /api/v2/my/factors/passkey/options',
]
const reads = routes.filter(
  (route) => (route.startsWith('GET ') && !codes.includes(route)) || /(revoke|introspect)$/.test(route),
)

const params = { clientId: 1, changeId: 1, recordId: 1, jobId: 'j', approvalId: 'a' }
const refuse =
  (status: number, retryAfter?: string): Fetch =>
  async () =>
    new Response('{}', { status, headers: retryAfter === undefined ? {} : { 'retry-after': retryAfter } })

/** How often a request is sent that always fails in the same way. */
const sends = async (route: keyof Operations, fails: Fetch, options: Partial<HttpOptions> = {}, body?: object) => {
  let count = 0
  const fetch: Fetch = (...request) => {
    count += 1
    return fails(...request)
  }
  const client = createClient({ baseUrl: 'http://127.0.0.1', fetch, retries: 1, ...options })
  await client.call(route, { params, ...(body && { body }) } as never).catch(() => {})
  return count
}

const cases: [failure: string, fails: Fetch, sentAgain: (keyof Operations)[]][] = [
  ['429 with a short Retry-After', refuse(429, '0'), routes],
  ['429 with a long Retry-After', refuse(429, '6'), []],
  ['429 without Retry-After', refuse(429), []],
  ['503 with a short Retry-After', refuse(503, '0'), [...reads, ...codes]],
  ['503 without Retry-After', refuse(503), reads],
  ['502', refuse(502), reads],
  ['a lost answer', () => Promise.reject(new TypeError('fetch failed')), reads],
  ['500', refuse(500), []],
  ['400', refuse(400), []],
]
for (const [failure, fails, sentAgain] of cases) {
  t.test(`${failure}: ${sentAgain.length} of ${routes.length} operations are sent again`, async (t) => {
    const counts = await Promise.all(routes.map((route) => sends(route, fails)))
    const again = routes.filter((_, index) => counts[index] === 2)
    t.same(
      again,
      routes.filter((route) => sentAgain.includes(route)),
    )
    t.same(
      counts.filter((count) => count > 2),
      [],
    )
  })
}

t.test('a token request is sent again for client credentials alone: other grants are good for one use', async (t) => {
  for (const [grant_type, count] of Object.entries({ client_credentials: 2, refresh_token: 1, mfa_oob: 1 })) {
    t.equal(await sends('POST /oauth/v2/token', refuse(503, '0'), {}, { grant_type }), count, grant_type)
  }
})

t.test('retries: 0 sends each request once', async (t) => {
  t.equal(await sends('GET /api/v2/clients', refuse(503, '0'), { retries: 0 }), 1)
})

/** A server that reads a request and never answers. */
const silence = createServer(() => {})
await new Promise<void>((done) => silence.listen(0, '127.0.0.1', done))
t.teardown(() => silence.close().closeAllConnections())
const silentUrl = `http://127.0.0.1:${(silence.address() as AddressInfo).port}`

t.test('a call without an answer ends at its time-out', async (t) => {
  const request = { accessToken: 'a', clientId: 1 }
  const hasty = createClient({ baseUrl: silentUrl, timeoutMs: 20 })
  await t.rejects(hasty.getClient(request), { code: 'timeout', status: 0, message: /20 ms/ })
  const patient = createClient({ baseUrl: silentUrl })
  await t.rejects(patient.getClient(request, { timeoutMs: 20 }), { code: 'timeout' })
})

t.test('a Retry-After that is longer than the time left is thrown at once', async (t) => {
  t.equal(await sends('GET /api/v2/clients', refuse(429, '3'), { timeoutMs: 2_000 }), 1)
})

t.test('an aborted call rejects with the reason, while it is sent and while it waits', async (t) => {
  const reason = new Error('the page was closed')
  const request = { accessToken: 'a', clientId: 1 }
  const clients = [{ baseUrl: silentUrl }, { baseUrl: silentUrl, fetch: refuse(429, '5') }].map(createClient)
  for (const client of clients) {
    const stop = new AbortController()
    const call = client.getClient(request, { signal: stop.signal })
    setImmediate(() => stop.abort(reason))
    await t.rejects(call, reason)
    await t.rejects(client.getClient(request, { signal: AbortSignal.abort(reason) }), reason)
  }
})

t.test('a connection that is refused is a network_error', async (t) => {
  const client = createClient({ baseUrl: 'http://127.0.0.1:1', retries: 0 })
  await t.rejects(client.requestRestore({} as never), { name: 'RekeyError', code: 'network_error', status: 0 })
})

t.test('a redirect is an error: following it would carry tokens elsewhere', async (t) => {
  const fetch: Fetch = async (_, init) => {
    t.equal(init?.redirect, 'manual')
    return new Response(null, { status: 302, headers: { location: 'https://evil.example' } })
  }
  const client = createClient({ baseUrl: 'http://127.0.0.1', fetch })
  await t.rejects(client.restorePassword({ successToken: 's', password: 'p' }), {
    code: 'unexpected_answer',
    status: 302,
  })
})

t.test('a page with status 200 that is no JSON is an error', async (t) => {
  const client = createClient({
    baseUrl: 'http://127.0.0.1',
    fetch: async () => new Response('<h1>Sign in to the Wi-Fi</h1>'),
  })
  await t.rejects(client.requestRestore({} as never), { code: 'unexpected_answer', status: 200, body: /Wi-Fi/ })
})
