import { gzipSync } from 'node:zlib'
import { CustomersUpsert } from '@rekey/contracts'
import { createCustomer } from '@rekey/test-support/customers'
import { backOfficeToken, login, restore, restoreBody, restoreGrant, signIn } from '@rekey/test-support/flows'
import { startRekey } from '@rekey/test-support/rekey'
import { connect } from 'nats'
import t, { type Test } from 'tap'
import { sendRaw, statusesOf } from './raw-request.ts'

const rekey = await startRekey(t)
const { http, url } = rekey
const customer = await createCustomer(rekey.postgres.url)
const bearer = `Bearer ${await signIn(rekey, customer)}`
const staff = `Bearer ${await backOfficeToken(rekey)}`

/** Asserts one 4xx answer in the format of the contracts that reveals no internals. */
const assertRefused = (t: Test, received: string, what: string) => {
  const [status = 0, ...more] = statusesOf(received)
  t.ok(status >= 400 && status < 500, `${what}: ${status}`)
  t.same(more, [], `${what}: one answer`)
  t.match(received, /application\/(problem\+)?json/, what)
  t.notMatch(received, /node_modules|\bat \S+ \(|HPE_|FST_|fastify|undici/i, what)
}

const history = async () => (await http.get('/api/v2/my/password/changes', { authorization: bearer })).body
const isServed = async () => (await http.get('/healthz')).status === 200

const json = JSON.stringify(restoreBody('nobody@example.com'))
const post = (path: string, headers: string[], body = '') =>
  [`POST ${path} HTTP/1.1`, 'Host: x', 'Connection: close', ...headers, '', body].join('\r\n')

/** The smuggled request: a reset of all customers, whose effect would show at once. */
const smuggled = `POST /api/v2/clients/reset-password HTTP/1.1\r\nHost: x\r\nAuthorization: ${staff}\r\nContent-Length: 0\r\n\r\n`
const chunked = `0\r\n\r\n${smuggled}`
const length = (text: string) => `Content-Length: ${Buffer.byteLength(text)}`
const te = 'Transfer-Encoding: chunked'

/** Framings for which two servers could disagree about where a request ends (RFC 9112 §6.1, §11.2). */
const framings: Record<string, (path: string) => string> = {
  'a length and chunks': (path) => post(path, [length(chunked), te], chunked),
  'chunks and a length': (path) => post(path, [te, length(chunked)], chunked),
  'a short length and chunks': (path) => post(path, ['Content-Length: 4', te], `1\r\nZ\r\n${chunked}`),
  'two lengths': (path) => post(path, ['Content-Length: 0', length(smuggled)], smuggled),
  'two lengths in one': (path) => post(path, ['Content-Length: 0, 9'], smuggled),
  'a length with a sign': (path) => post(path, ['Content-Length: +0'], smuggled),
  'a length below zero': (path) => post(path, ['Content-Length: -1'], smuggled),
  'a length in hexadecimal': (path) => post(path, ['Content-Length: 0x0'], smuggled),
  'a length of twenty digits': (path) => post(path, ['Content-Length: 99999999999999999999'], smuggled),
  'a space before the colon': (path) => post(path, ['Transfer-Encoding : chunked', 'Content-Length: 5'], chunked),
  'a folded line': (path) => post(path, ['Transfer-Encoding:', ' chunked', 'Content-Length: 5'], chunked),
  'an unknown encoding': (path) => post(path, ['Transfer-Encoding: xchunked'], chunked),
  'chunked that is not the last encoding': (path) => post(path, ['Transfer-Encoding: chunked, identity'], chunked),
  'two encodings': (path) => post(path, [te, 'Transfer-Encoding: identity'], chunked),
  'an encoding in HTTP/1.0': (path) => post(path, [te, 'Content-Length: 5'], chunked).replace('HTTP/1.1', 'HTTP/1.0'),
  'a chunk size that is not hexadecimal': (path) => post(path, [te], `zz\r\n\r\n${chunked}`),
  'a chunk size of seventeen digits': (path) => post(path, [te], `fffffffffffffffff\r\n${chunked}`),
  'a chunk size below zero': (path) => post(path, [te], `-1\r\n\r\n${chunked}`),
  'a chunk longer than it says': (path) => post(path, [te], `1\r\n{}\r\n${chunked}`),
  'a chunk ended by a line feed': (path) => post(path, [te], `2\n{}\n0\n\n${smuggled}`),
  'an endless chunk extension': (path) => post(path, [te], `2;${'x'.repeat(40_000)}\r\n{}\r\n${chunked}`),
}

/** Malformed request lines and headers. */
const malformed: Record<string, string | Buffer> = {
  'line feeds alone': `POST /oauth/v2/passwordRestore HTTP/1.1\nHost: x\n${length(json)}\n\n${json}`,
  'a carriage return in a value': post('/oauth/v2/token', ['X-A: b\rSet-Cookie: c=d', 'Content-Length: 0']),
  'a NUL in a value': post('/oauth/v2/token', ['X-A: b\0c', 'Content-Length: 0']),
  'a NUL in a name': post('/oauth/v2/token', ['X-\0A: b', 'Content-Length: 0']),
  'a line without a colon': post('/oauth/v2/token', ['no colon here', 'Content-Length: 0']),
  'a name with a space': post('/oauth/v2/token', ['X A: b', 'Content-Length: 0']),
  'no host': 'GET /healthz HTTP/1.1\r\nConnection: close\r\n\r\n',
  'two hosts': 'GET /healthz HTTP/1.1\r\nHost: a\r\nHost: b\r\nConnection: close\r\n\r\n',
  'an unknown method': 'FETCH /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n',
  'a method in small letters': 'get /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n',
  'an unknown version': 'GET /healthz HTTP/7.7\r\nHost: x\r\nConnection: close\r\n\r\n',
  'no version': 'GET /healthz\r\n\r\n',
  'HTTP/2 without negotiation': 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n',
  TLS: Buffer.from('160301020001000100fc0303', 'hex'),
  'a space in the path': 'GET /healthz x HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n',
  'a path that is not encoded': Buffer.from(
    'GET /api/v2/\xff\xfe HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n',
    'latin1',
  ),
  'a header of 20 KB': post('/oauth/v2/token', [`X-A: ${'a'.repeat(20_000)}`, 'Content-Length: 0']),
  'three thousand headers': post(
    '/oauth/v2/token',
    Array.from({ length: 3_000 }, (_, index) => `X-${index}: a`),
  ),
  'a trace': 'TRACE /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n',
}

// Opened first and checked last, so that their time-outs pass while the other tests run.
const halfRequests = [
  'POST /oauth/v2/token HTTP/1.1\r\nHost: x\r\nX-',
  post('/oauth/v2/token', ['Content-Length: 9'], '{'),
  post('/api/v2/my/password/restore', [te], '5\r\n{'),
]
const halves = Promise.all(Array.from({ length: 60 }, (_, index) => sendRaw(url, halfRequests[index % 3] ?? '')))
// A failure is reported by the last test: without this it would end the process first.
halves.catch(() => {})

t.test('S31 no framing smuggles a second request to the gateway or the password-service', async (t) => {
  const before = await history()
  for (const path of ['/oauth/v2/passwordRestore', '/api/v2/my/password/restore']) {
    for (const [name, request] of Object.entries(framings)) {
      assertRefused(t, await sendRaw(url, request(path)), `${name} to ${path}`)
    }
  }
  t.same(await history(), before, 'no password was reset')
  t.ok(await isServed())
})

t.test('S31 a malformed request or header is refused with an error of the contracts', async (t) => {
  for (const [name, bytes] of Object.entries(malformed)) assertRefused(t, await sendRaw(url, bytes), name)
  t.equal(await sendRaw(url, 'CONNECT 127.0.0.1:22 HTTP/1.1\r\nHost: x\r\n\r\n'), '', 'CONNECT closes the connection')
  t.ok(await isServed())
})

t.test('S31 no spelling of a path reaches another route', async (t) => {
  const paths = [
    '/api/v2/clients/./reset-password',
    '/api/v2/clients/%2e/reset-password',
    '/api/v2/clients/.%2F/reset-password',
    '/api/v2/clients/x/../reset-password',
    '/api/v2/clients/%2e%2e/clients/reset-password',
    '/api/v2/clients/..%2f..%2fhealthz',
    '/api/v2/clients\\reset-password',
    '/api/v2/clients//reset-password',
    '/api/v2/clients/reset-password/',
    '/api/v2/clients/reset-password%00',
    '/api/v2/clients/reset-password;x=y',
    '/api/v2/my/password/../../../../readyz',
    `${url}/api/v2/clients/reset-password`,
    'http://127.0.0.1:1/api/v2/clients/reset-password',
    '//127.0.0.1:1/api/v2/clients/reset-password',
    '/API/v2/clients/reset-password',
  ]
  const before = await history()
  for (const path of paths) {
    assertRefused(t, await sendRaw(url, post(path, [`Authorization: ${staff}`, 'Content-Length: 0'])), path)
  }
  t.same(await history(), before, 'no password was reset')
})

t.test('S31 a body that other parsers read differently is refused', async (t) => {
  const type = { json: 'application/json', form: 'application/x-www-form-urlencoded' }
  const withValue = (field: string, value: string) => json.replace(new RegExp(`("${field}":)"[^"]*"`), `$1${value}`)
  const form = new URLSearchParams(restoreBody('nobody@example.com'))
  const cases: [name: string, contentType: string, body: string | Buffer, more?: Record<string, string>][] = [
    ['8,000 levels of arrays', type.json, '['.repeat(8_000)],
    ['2,000 levels that are closed', type.json, withValue('state', `${'['.repeat(2_000)}${']'.repeat(2_000)}`)],
    ['2,000 levels of objects', type.json, withValue('state', `${'{"a":'.repeat(2_000)}1${'}'.repeat(2_000)}`)],
    ['a number of 9,000 digits', type.json, withValue('state', '9'.repeat(9_000))],
    ['a number that is infinite', type.json, withValue('state', '1e999')],
    ['a name twice, spelt with an escape', type.json, json.replace('{', '{"\\u0073tate":"first",')],
    ['a prototype, spelt with an escape', type.json, json.replace('{', '{"\\u005f_proto__":{"scope":"REST:FULL"},')],
    ['a prototype deep inside', type.json, json.replace('{', '{"x":{"y":[{"__proto__":{}}]},')],
    ['a constructor’s prototype', type.json, json.replace('{', '{"constructor":{"prototype":{}},')],
    ['comments', type.json, json.replace('{', '{/* */')],
    ['a comma too many', type.json, json.replace('}', ',}')],
    ['UTF-16 as its type says', 'application/json; charset=utf-16', Buffer.from(json, 'utf16le')],
    [
      'overlong UTF-8',
      type.json,
      Buffer.concat([Buffer.from('{"state":"'), Buffer.from([0xc0, 0xaf]), Buffer.from('"}')]),
    ],
    ['a lone surrogate', type.json, withValue('username', '"\\ud800@example.com"')],
    ['a NUL', type.json, withValue('username', '"a\\u0000@example.com"')],
    ['a line break', type.json, withValue('username', '"a@example.com\\r\\nBcc: b@example.com"')],
    ['two addresses', type.json, withValue('username', '"a@example.com,b@example.com"')],
    ['gzip', type.json, gzipSync(json), { 'content-encoding': 'gzip' }],
    ['JSON in a form', type.form, json],
    ['a form with an array', type.form, `${form}&username[]=a@example.com&username=b@example.com`],
    ['a form with a prototype', type.form, `__proto__[scope]=REST:FULL&${form}&scope=REST:FULL`],
    ['a form with semicolons', type.form, String(form).replaceAll('&', ';')],
    [
      'parts',
      'multipart/form-data; boundary=x',
      `--x\r\nContent-Disposition: form-data; name="state"\r\n\r\ns\r\n--x--`,
    ],
    ['no type', '', json],
    ['a list of types', 'application/json, text/plain', json],
    ['a type that begins like JSON', 'application/jsonp', json],
    ['XML with an entity', 'application/xml', '<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]><a>&b;</a>'],
  ]
  for (const [name, contentType, body, more] of cases) {
    const bytes = Buffer.from(body)
    const headers = { ...(contentType && { 'Content-Type': contentType }), ...more }
    const head = post('/oauth/v2/passwordRestore', [
      ...Object.entries(headers).map(([header, value]) => `${header}: ${value}`),
      `Content-Length: ${bytes.length}`,
    ])
    assertRefused(t, await sendRaw(url, Buffer.concat([Buffer.from(head), bytes])), name)
  }
  const polluted = await http.get('/api/v2/my/password/changes')
  t.equal(polluted.status, 401, 'a request without a token is still refused')
})

t.test(
  'S15 S31 passwords of a megabyte or 129 characters are refused; NUL and decomposed characters work',
  async (t) => {
    const signsIn = async (password: string) => (await login(rekey, { ...customer, password })).status
    const grant = await restoreGrant(rekey, customer)
    t.equal((await restore(rekey, grant, 'x'.repeat(1_048_576))).status, 413)
    for (const long of ['x'.repeat(129), '\u{1f511}'.repeat(129)]) {
      t.match(await restore(rekey, grant, long), { status: 422, body: { code: 'password_refused' } })
    }
    t.match((await restore(rekey, grant, '\ud800'.repeat(10))).status, 400)
    const longest = `e\u0301\u0000${'\u{1f511}'.repeat(126)}`
    t.equal(
      (await restore(rekey, grant, longest)).status,
      204,
      'the refusals did not spend the grant; 128 characters are accepted',
    )
    t.equal(await signsIn(longest), 200)
    t.equal(await signsIn(longest.normalize('NFC')), 200, 'composed')
    for (const other of [
      longest.slice(0, -2),
      `${longest} `,
      longest.split('\u0000')[0] ?? '',
      longest.replace('\u0000', ''),
    ]) {
      t.equal(await signsIn(other), 400, 'nothing is truncated or trimmed')
    }
    t.equal(await signsIn('x'.repeat(15_000)), 400)
    t.equal(await signsIn('x'.repeat(1_048_576)), 413)
  },
)

t.test('S17 a password of 73 bytes does not match the bcrypt hash of its first 72', async (t) => {
  const broker = await connect({ servers: rekey.nats.url })
  t.teardown(() => broker.close())
  const email = 'bcrypt@example.com'
  const imported = {
    customer: 'BCRYPT1',
    identifiers: [{ value: email, verified: true }],
    // The hash of 36 times é, which is 72 bytes: bcrypt reads no more.
    passwordHash: '$2b$04$abqLwiIY6thTXxwackGH8OXdB9eUqvQxSu.NUzMiKiNYvXXFJHV9S',
  }
  t.match((await broker.request(CustomersUpsert.subject, JSON.stringify(imported), { timeout: 60_000 })).json(), {
    passwordStored: true,
  })
  const signIn = (password: string) => login(rekey, { email, password })
  const wrong = await signIn(`${'é'.repeat(36)}x`)
  t.match(wrong, { status: 400, body: { error: 'access_denied' } })
  t.same(wrong.body, (await signIn('wrong')).body)
  t.equal((await signIn('é'.repeat(36))).status, 200)
})

t.test('S31 a request that never ends times out and delays no other request', async (t) => {
  t.ok(await isServed())
  for (const received of await halves) assertRefused(t, received, 'half a request')
  t.ok(await isServed())
})
