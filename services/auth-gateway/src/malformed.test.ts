import { request as rawRequest } from 'node:http'
import { connect } from 'node:net'
import { text } from 'node:stream/consumers'
import { http as contracts } from '@rekey/contracts'
import { createCustomer } from '@rekey/test-support/customers'
import {
  backOfficeToken,
  loginBody,
  restoreBody,
  restoreGrant,
  signIn,
  verificationBody,
} from '@rekey/test-support/flows'
import { type Answer, read } from '@rekey/test-support/http'
import { startRekey } from '@rekey/test-support/rekey'
import t, { type Test } from 'tap'

const rekey = await startRekey(t)
const { http } = rekey
const customer = await createCustomer(rekey.postgres.url)
const bearer = { authorization: `Bearer ${await signIn(rekey, customer)}` }
const backOffice = { authorization: `Bearer ${await backOfficeToken(rekey)}` }
const grant = { successToken: await restoreGrant(rekey, customer) }
const restoring = { authorization: `Bearer ${await restoreGrant(rekey, customer, 'access_token')}` }

const restoreFields = restoreBody('nobody@example.com')
const loginFields = loginBody(customer)
const sendFields = {
  challenge_type: 'oob:email:x',
  client_timezone: '-3',
  mfa_token: 'x',
  response_type: 'code',
  state: 's',
}

/** Every endpoint with a body: a good one, and which fields must be there. */
const bodies = [
  { path: '/oauth/v2/passwordRestore', body: restoreFields, optional: ['ip'] },
  { path: '/oauth/v2/passwordRestoreVerification', body: verificationBody('x', '123456'), optional: [] },
  {
    path: '/oauth/v2/passwordRestoreReset',
    body: { client_timezone: '-3', ip: '::1', response_type: 'code', source_system: 'IB', password: 'Qwerty123' },
    optional: ['password'],
    headers: restoring,
  },
  { path: '/oauth/v2/login', body: loginFields, optional: [] },
  { path: '/oauth/v2/challenge', body: sendFields, optional: [] },
  { path: '/oauth/v2/token', body: { grant_type: 'mfa_oob', mfa_token: 'x', code: '123456' }, optional: [] },
  { path: '/oauth/v2/revoke', body: { token: 'x', client_id: 'ib_localhost' }, optional: ['client_id'] },
  {
    path: '/oauth/v2/introspect',
    body: { token: 'x', client_id: 'backend_fin' },
    optional: ['client_id'],
    headers: { authorization: `Basic ${btoa('backend_fin:secretkey')}` },
  },
  { path: '/api/v2/my/2fa/challenge', body: { token: 'x', code: '123456' }, optional: [] },
  { path: '/api/v2/my/password/change', body: { password: 'Qwerty123' }, optional: [], headers: bearer },
  { path: '/api/v2/my/password/restore', body: { password: 'Qwerty123' }, optional: [], headers: grant },
  {
    path: `/api/v2/clients/${customer.id}/password`,
    method: 'PUT',
    body: { password: 'Qwerty123', send_mail: false },
    optional: [],
    headers: backOffice,
  },
]

/** The refusal is in the form of its path, says which field, and says nothing of how we are built. */
const isRejection = (t: Test, answer: Answer, status: number, path: string, field?: string) => {
  t.equal(answer.status, status, `${path} ${field ?? ''}`)
  const description = path.startsWith('/oauth/') ? answer.body.error_description : answer.body.detail
  if (path.startsWith('/oauth/')) t.match(answer.body, { error: String, error_description: String })
  else {
    t.match(answer.body, { type: String, title: String, status, detail: String, code: String })
    t.match(answer.headers.get('content-type'), 'application/problem+json')
  }
  if (field) t.match(String(description), field)
  t.equal(answer.headers.get('cache-control'), 'no-store')
  t.notMatch(answer.text, /node_modules|at \w+ \(|prisma|ajv|redis|nats/i)
}

const send = (one: (typeof bodies)[number], body: string | Buffer, type = 'application/json') =>
  http.send(one.method ?? 'POST', one.path, { ...one.headers, ...(type && { 'content-type': type }) }, body)

/** Without a Content-Length. */
const sendChunked = async (one: (typeof bodies)[number], body: string) =>
  read(
    await fetch(`${rekey.url}${one.path}`, {
      method: one.method ?? 'POST',
      headers: { ...one.headers, 'content-type': 'application/json' },
      body: new Blob([body]).stream(),
      duplex: 'half',
    } as RequestInit),
  )

t.test('S31 every field of every body: missing, empty, of another type, too long', async (t) => {
  for (const one of bodies) {
    for (const field of Object.keys(one.body)) {
      const spoil = (value: unknown) => send(one, JSON.stringify({ ...one.body, [field]: value }))
      if (!one.optional.includes(field as never)) isRejection(t, await spoil(undefined), 400, one.path, field)
      for (const value of ['', [], {}, null, 1.5, [one.body[field as never]]]) {
        if (typeof value === 'number' && field === 'send_mail') continue
        isRejection(t, await spoil(value), 400, one.path, field)
      }
      if (field !== 'password' && field !== 'send_mail') isRejection(t, await spoil('9'.repeat(5_000)), 400, one.path)
      // A password may hold any character.
      if (field === 'password') continue
      isRejection(t, await spoil('a\r\nSet-Cookie: b=c\u0000'), 400, one.path, field)
    }
  }
})

t.test('S31 bodies that are not JSON objects, or not JSON, or not UTF-8', async (t) => {
  for (const one of bodies) {
    const good = JSON.stringify(one.body)
    const [first = ''] = Object.keys(one.body)
    const value = JSON.stringify(one.body[first as never])
    const twice = `{"${first}":"another",${good.slice(1)}`
    const alike = `{"${first}":${value},${good.slice(1)}`
    for (const body of [
      '',
      '[]',
      '"text"',
      '1',
      'null',
      '{',
      `${good}}`,
      '{"__proto__":{"a":1}}',
      `[${good}]`,
      twice,
      alike,
    ]) {
      isRejection(t, await send(one, body), 400, one.path)
    }
    t.match((await send(one, twice)).text, `${first} is given more than once`)
    isRejection(t, await send(one, Buffer.from([0x7b, 0x22, 0xff, 0xfe, 0x22, 0x7d])), 400, one.path)
    isRejection(t, await send(one, Buffer.from(good, 'utf16le')), 400, one.path)
  }
})

t.test('S31 another content type, a body over 16 KiB, and another method', async (t) => {
  for (const one of bodies) {
    const good = JSON.stringify(one.body)
    isRejection(t, await send(one, good, 'text/plain'), 415, one.path)
    isRejection(t, await send(one, good, 'application/xml'), 415, one.path)
    if (!one.path.startsWith('/oauth/')) {
      isRejection(t, await send(one, 'a=b', 'application/x-www-form-urlencoded'), 415, one.path)
    }
    for (const kilobytes of [17, 2_000]) {
      const large = JSON.stringify({ ...one.body, filler: 'x'.repeat(kilobytes * 1024) })
      isRejection(t, await send(one, large), 413, one.path)
      isRejection(t, await sendChunked(one, large), 413, one.path)
    }
    if (one.path === '/api/v2/my/2fa/challenge') continue
    const other = await http.send('DELETE', one.path, one.headers)
    isRejection(t, other, 405, one.path)
    t.match(other.headers.get('allow'), one.method ?? 'POST')
  }
})

t.test('S31 forms with a field twice', async (t) => {
  const form = new URLSearchParams(restoreFields)
  form.append('username', 'b@example.com')
  const headers = { 'content-type': 'application/x-www-form-urlencoded' }
  for (const state of ['%FF%FE', '%zz', 'a%']) {
    const bad = `${new URLSearchParams({ ...restoreFields, state: '' })}`.replace('state=', `state=${state}`)
    isRejection(t, await http.send('POST', '/oauth/v2/passwordRestore', headers, bad), 400, '/oauth/')
  }
  isRejection(
    t,
    await http.send('POST', '/oauth/v2/passwordRestore', headers, form.toString()),
    400,
    '/oauth/',
    'username',
  )
})

t.test('S31 every query and path parameter', async (t) => {
  const changes = '/api/v2/my/password/changes'
  const open = '/api/v2/my/2fa/challenge'
  const unauthorized = '/api/v2/my/2fa/unauthorized/challenge'
  const cases = [
    [`${changes}?limit=0`, 'limit'],
    [`${changes}?limit=101`, 'limit'],
    [`${changes}?limit=ten`, 'limit'],
    [`${changes}?limit=${'9'.repeat(309)}`, 'limit'],
    [`${changes}?limit=`, 'limit'],
    [`${changes}?limit=1&limit=2`, 'limit'],
    [`${changes}?offset=-1`, 'offset'],
    [`${changes}?offset=99999999999`, 'offset'],
    [`${changes}?offset=${'9'.repeat(309)}`, 'offset'],
    [`${changes}?sort_order=up`, 'sort_order'],
    [`${changes}?sort_by=id`, 'sort_by'],
    [`${changes}/abc`, 'changeId'],
    [`${changes}/99999999999`, 'changeId'],
    [`${changes}/1e3.5`, 'changeId'],
    [open, 'businessProcess'],
    [`${open}?businessProcess=restorePassword`, 'businessProcess'],
    [`${unauthorized}?businessProcess=changePassword&email=a@example.com`, 'businessProcess'],
    [`${unauthorized}?businessProcess=restorePassword&email=nonsense`, 'email'],
    [`${unauthorized}?businessProcess=restorePassword&email=a@b.cd&email=c@d.ef`, 'email'],
    [`${unauthorized}?businessProcess=restorePassword&phone=07700900001`, 'phone'],
    [`${unauthorized}?businessProcess=restorePassword&email=%2B447700900001`, 'email'],
    [`${unauthorized}?businessProcess=restorePassword&email=%FF%FE@a.bc`, 'query'],
  ]
  for (const [path = '', field] of cases) isRejection(t, await http.get(path, bearer), 400, path, field)

  const staffCases = [
    ['GET', `/api/v2/clients/abc/password/changes`, 'clientId'],
    ['GET', `/api/v2/clients/${customer.id}/password/changes?limit=0`, 'limit'],
    ['GET', `/api/v2/clients/${customer.id}/password/changes/0`, 'changeId'],
    ['POST', '/api/v2/clients/99999999999/reset-password', 'clientId'],
    ['GET', '/api/v2/jobs/1', 'jobId'],
    ['POST', '/api/v2/jobs/1/cancel', 'jobId'],
    ['GET', '/api/v2/approvals?limit=101', 'limit'],
    ['GET', `/api/v2/approvals?limit=${'9'.repeat(309)}`, 'limit'],
    ['GET', '/api/v2/approvals/1', 'approvalId'],
    ['POST', '/api/v2/approvals/1/approve', 'approvalId'],
    ['POST', '/api/v2/approvals/1/reject', 'approvalId'],
  ]
  for (const [method = '', path = '', field] of staffCases) {
    isRejection(t, await http.send(method, path, backOffice), 400, path, field)
  }
})

t.test('S31 addresses that are none, and ones where nothing is', async (t) => {
  for (const path of ['/', '/oauth/v2', '/oauth/v2/nothing', '/api/v2/my/password', '/api/v2/clients/1', '/api/v3']) {
    isRejection(t, await http.get(path), 404, path)
  }
  const raw = (path: string) =>
    new Promise<number>((resolve, reject) => {
      const { hostname, port } = new URL(rekey.url)
      const sent = rawRequest({ hostname, port, path }, (response) => {
        response.resume()
        resolve(response.statusCode ?? 0)
      })
      sent.on('error', reject).end()
    })
  for (const path of ['/%zz', '/api/v2/my/password/%ff', '/api/v2/my/password/..%2f..%2fhealthz', '/oauth/v2/%00']) {
    const status = await raw(path)
    t.ok(status >= 400 && status < 500, `${path}: ${status}`)
  }
})

t.test('S31 headers over Node’s limit are refused in our form', async (t) => {
  const { hostname, port } = new URL(rekey.url)
  const socket = connect(Number(port), hostname)
  socket.write(`GET /healthz HTTP/1.1\r\nHost: x\r\nX-Filler: ${'x'.repeat(20_000)}\r\n\r\n`)
  const answer = await text(socket)
  t.match(answer, /^HTTP\/1\.1 431 /)
  t.match(answer, 'urn:rekey:problem:headers_too_large')
})

t.test('S31 a route that asks for a bearer token says so to whoever brings none', async (t) => {
  for (const path of ['/api/v2/my/password/changes', '/api/v2/my/2fa/challenge?businessProcess=changePassword']) {
    const answer = await http.get(path)
    isRejection(t, answer, 401, path)
    t.equal(answer.headers.get('www-authenticate'), 'Bearer realm="rekey"')
  }
})

t.test('unknown fields are ignored (RFC 6749 §3.2)', async (t) => {
  t.equal((await http.post('/oauth/v2/passwordRestore', { ...restoreFields, unknown: { a: 1 } })).status, 200)
})

t.test('this table knows every endpoint whose body has fields', (t) => {
  const routes = Object.entries(contracts).flatMap(([route, schema]) =>
    'body' in schema && Object.keys(schema.body.properties).length > 0 ? [route] : [],
  )
  const known = bodies.map(({ method = 'POST', path }) => `${method} ${path.replace(String(customer.id), ':clientId')}`)
  t.same(routes.filter((route) => !route.startsWith('PATCH')).sort(), known.sort())
  t.end()
})
