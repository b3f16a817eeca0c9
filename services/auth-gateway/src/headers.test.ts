import assert from 'node:assert/strict'
import { connect } from 'node:net'
import { createCustomer } from '@rekey/test-support/customers'
import { backOfficeToken, restoreBody, signIn } from '@rekey/test-support/flows'
import { startRekey } from '@rekey/test-support/rekey'
import fc from 'fast-check'
import t from 'tap'

const rekey = await startRekey(t)
const customer = await createCustomer(rekey.postgres.url)
const bearer = `Bearer ${await signIn(rekey, customer)}`
const staff = `Bearer ${await backOfficeToken(rekey)}`
const { hostname, port } = new URL(rekey.url)

interface Target {
  method: string
  path: string
  headers: [name: string, value: string][]
  body?: string
}

const json: [string, string] = ['Content-Type', 'application/json']
const restore = JSON.stringify(restoreBody('nobody@example.com'))

/** Own and forwarded routes, of each method, answered with success and with an error. */
const targets: Target[] = [
  { method: 'GET', path: '/healthz', headers: [] },
  { method: 'GET', path: '/.well-known/jwks.json', headers: [] },
  { method: 'HEAD', path: '/.well-known/jwks.json', headers: [] },
  { method: 'GET', path: '/restore', headers: [] },
  { method: 'GET', path: '/api/v2/my/2fa/challenge?businessProcess=changePassword', headers: [] },
  { method: 'POST', path: '/oauth/v2/passwordRestore', headers: [json], body: restore },
  { method: 'POST', path: '/oauth/v2/token', headers: [json], body: '{}' },
  { method: 'GET', path: '/api/v2/my/password/changes', headers: [['Authorization', bearer]] },
  { method: 'HEAD', path: '/api/v2/my/password/changes', headers: [['Authorization', bearer]] },
  { method: 'GET', path: '/api/v2/my/password/changes', headers: [] },
  {
    method: 'POST',
    path: '/api/v2/my/password/restore',
    headers: [json, ['successToken', 'x']],
    body: '{"password":"Qwerty123"}',
  },
  {
    method: 'PUT',
    path: '/api/v2/clients/2000000000/password',
    headers: [json, ['Authorization', staff]],
    body: '{"password":"Qwerty123","send_mail":false}',
  },
  { method: 'DELETE', path: '/api/v2/clients/2000000000/hold', headers: [['Authorization', staff]] },
  { method: 'POST', path: '/oauth/v2/passwordRestoreReset', headers: [json], body: '{}' },
  { method: 'GET', path: '/api/v2/jobs/x', headers: [['Authorization', staff]] },
]

/** How the body is framed; `chunked` needs the coding last (RFC 9112 §6.1), and other framings are refused. */
const codings = ['chunked', 'Chunked', ' chunked ', 'gzip, chunked', 'chunked, gzip', 'identity', 'xchunked', '']

interface Added {
  headers: [name: string, value: string][]
  coding: string | undefined
}

const bytesOf = ({ method, path, headers, body }: Target, added: Added): Buffer => {
  const isChunked = added.coding !== undefined
  const chunks = body ? `${Buffer.byteLength(body).toString(16)}\r\n${body}\r\n0\r\n\r\n` : '0\r\n\r\n'
  const framing = isChunked
    ? [`Transfer-Encoding: ${added.coding}`]
    : body === undefined
      ? []
      : [`Content-Length: ${Buffer.byteLength(body)}`]
  const lines = [
    `${method} ${path} HTTP/1.1`,
    'Host: localhost',
    ...headers.map(([name, value]) => `${name}: ${value}`),
    ...added.headers.map(([name, value]) => `${name}: ${value}`),
    ...framing,
    '',
    isChunked ? chunks : (body ?? ''),
  ]
  return Buffer.from(lines.join('\r\n'), 'latin1')
}

/** Sends bytes and resolves with the status of the first answer that is not interim; 0 if there is none. */
const statusOf = (bytes: Buffer): Promise<number> =>
  new Promise((resolve) => {
    let received = ''
    const socket = connect(Number(port), hostname, () => socket.write(bytes))
    socket.on('data', (data) => {
      received += data.toString('latin1')
      const final = /(?:^|\r\n\r\n)HTTP\/1\.1 ([2-5]\d\d) /.exec(received)
      if (!final) return
      socket.destroy()
      resolve(Number(final[1]))
    })
    socket.on('error', () => {})
    socket.on('close', () => resolve(0))
  })

const token = fc.string({ unit: fc.constantFrom(...'abcxyzABCXYZ019-_.!~*'), minLength: 1, maxLength: 20 })
const hopByHop = fc.constantFrom(
  'Connection',
  'Keep-Alive',
  'Proxy-Connection',
  'Proxy-Authorization',
  'Proxy-Authenticate',
  'TE',
  'Trailer',
  'Upgrade',
  'Expect',
  'HTTP2-Settings',
  'Via',
  'Max-Forwards',
)
const endToEnd = fc.constantFrom(
  'Accept',
  'Accept-Encoding',
  'Accept-Language',
  'Accept-Version',
  'Cookie',
  'Content-Encoding',
  'Content-Language',
  'Content-Range',
  'Range',
  'If-None-Match',
  'If-Match',
  'If-Modified-Since',
  'Forwarded',
  'X-Forwarded-For',
  'X-Forwarded-Host',
  'X-Forwarded-Proto',
  'X-Real-IP',
  'X-HTTP-Method-Override',
  'X-Request-Id',
  'Traceparent',
  'Tracestate',
  'Baggage',
  'User-Agent',
  'Referer',
  'DNT',
  'Date',
  'Priority',
  'Early-Data',
  'Sec-WebSocket-Key',
  'Sec-WebSocket-Version',
  'Content-Length',
  'Content-Type',
  'Authorization',
  'successToken',
  'constructor',
  '__proto__',
  'toString',
)
const known = fc.constantFrom(
  '100-continue',
  '100-Continue',
  '200-ok',
  '100-continue, x',
  'h2c',
  'websocket',
  'h2c, websocket',
  'TLS/1.3',
  'close',
  'keep-alive',
  'timeout=5, max=1000',
  'trailers',
  'trailers, deflate;q=0.5',
  'gzip',
  'bytes=0-1',
  '*',
  'chunked',
  'AAMAAABkAAQAAP__',
  '0',
  '-1',
  '1e3',
  'Upgrade, HTTP2-Settings',
  'TE, close',
  'content-length',
  'content-type, authorization',
  'host',
  'x-forwarded-for, traceparent',
  'Basic Og==',
  'for="[2001:db8::1]:443"',
  '[2001:db8::1]:443',
  '1.2.3.4:5678',
  'unknown',
  'text/html, */*;q=0.1',
  'Transfer-Encoding',
)
const value = fc.oneof(
  { weight: 3, arbitrary: known },
  fc.string({ unit: 'grapheme-ascii', maxLength: 60 }),
  fc.array(token, { maxLength: 6 }).map((names) => names.join(', ')),
  fc.array(hopByHop, { minLength: 1, maxLength: 4 }).map((names) => names.join(',')),
  fc.array(fc.integer({ min: 0x80, max: 0xff }), { maxLength: 20 }).map((codes) => String.fromCharCode(...codes)),
  fc.constantFrom('', ' ', '\t', ',', ',,', '"', ';', 'x'.repeat(3_000)),
)
const header = fc.tuple(fc.oneof({ weight: 3, arbitrary: hopByHop }, endToEnd, token), value)
const added = fc.record({
  headers: fc
    .array(header, { minLength: 1, maxLength: 5 })
    .chain((headers) =>
      fc.boolean().map((isRepeated): Added['headers'] => (isRepeated ? [...headers, ...headers] : headers)),
    ),
  coding: fc.option(fc.constantFrom(...codings), { nil: undefined, freq: 4 }),
})

const usual = await Promise.all(targets.map((target) => statusOf(bytesOf(target, { headers: [], coding: undefined }))))

const check = async (index: number, status: number, what: string) =>
  assert.ok(status === usual[index] || (status >= 400 && status < 500), `${what}: ${status} instead of ${usual[index]}`)

t.test('S51: no header changes an answer except to a 4xx, on own and forwarded routes', async (t) => {
  t.same(usual, [200, 200, 200, 200, 401, 200, 400, 200, 200, 401, 403, 404, 404, 401, 404])
  await fc.assert(
    fc.asyncProperty(fc.nat(targets.length - 1), added, async (index, headers) => {
      const bytes = bytesOf(targets[index] as Target, headers)
      await check(index, await statusOf(bytes), bytes.toString('latin1'))
    }),
    { numRuns: 250 },
  )
})

t.test('S51: each hop-by-hop header alone changes no answer', async () => {
  const alone: [string, string][] = [
    ['Expect', '100-continue'],
    ['Expect', 'something-else'],
    ['Keep-Alive', 'timeout=5'],
    ['Upgrade', 'h2c'],
    ['Upgrade', 'websocket'],
    ['Connection', 'x'],
    ['Connection', 'Upgrade, HTTP2-Settings'],
    ['Connection', 'X-Forwarded-For'],
    ['Connection', 'traceparent'],
    ['Connection', 'content-length'],
    ['TE', 'trailers'],
    ['Trailer', 'x'],
    ['Proxy-Connection', 'keep-alive'],
    ['Proxy-Authorization', 'Basic Og=='],
    ['Proxy-Authenticate', 'Basic'],
    ['HTTP2-Settings', 'AAMAAABkAAQAAP__'],
  ]
  for (const [index, target] of targets.entries()) {
    for (const one of alone) {
      assert.equal(
        await statusOf(bytesOf(target, { headers: [one], coding: undefined })),
        usual[index],
        `${target.path} ${one}`,
      )
    }
    const chunked = await statusOf(bytesOf(target, { headers: [], coding: 'chunked' }))
    assert.equal(chunked, usual[index], `${target.path} chunked`)
  }
})

t.test('S51: headers of any size up to the limit are answered below 500', async () => {
  for (const target of targets.filter(({ path }) => path.startsWith('/api/v2/'))) {
    for (let size = 15_000; size < 16_600; size += 200) {
      const headers: Added['headers'] = [['X-A', 'x'.repeat(size)]]
      const status = await statusOf(bytesOf(target, { headers, coding: undefined }))
      assert.ok(status > 0 && status < 500, `${target.method} ${target.path} ${size}: ${status}`)
    }
  }
})

t.test('S51: a read with a body is answered like one without', async (t) => {
  for (const [index, target] of targets.entries()) {
    if (target.body !== undefined || target.method === 'DELETE') continue
    for (const headers of [[], [json]] as Added['headers'][]) {
      t.equal(
        await statusOf(bytesOf({ ...target, body: '{}' }, { headers, coding: undefined })),
        usual[index],
        target.path,
      )
    }
  }
})

t.test('S51: what fetch can send changes no answer except to a 4xx', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.nat(targets.length - 1),
      fc.array(header, { minLength: 1, maxLength: 5 }),
      async (index, headers) => {
        const { method, path, headers: own, body } = targets[index] as Target
        let request: Request
        try {
          request = new Request(`${rekey.url}${path}`, { method, headers: [...own, ...headers], ...(body && { body }) })
        } catch {
          return
        }
        const answer = await fetch(request).catch(() => undefined)
        if (answer) await check(index, answer.status, `${method} ${path} ${JSON.stringify(headers)}`)
        await answer?.body?.cancel()
      },
    ),
    { numRuns: 100 },
  )
})
