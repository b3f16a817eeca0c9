import { http as contracts } from '@rekey/contracts'
import { createCustomer } from '@rekey/test-support/customers'
import {
  backOfficeToken,
  factorsGrant,
  loginBody,
  restoreBody,
  restoreGrant,
  signIn,
  verificationBody,
} from '@rekey/test-support/flows'
import { read } from '@rekey/test-support/http'
import { startRekey } from '@rekey/test-support/rekey'
import t from 'tap'
import { isRejection } from './rejection.fixture.ts'

const rekey = await startRekey(t)
const { http } = rekey
const customer = await createCustomer(rekey.postgres.url)
const accessToken = await signIn(rekey, customer)
const bearer = { authorization: `Bearer ${accessToken}` }
const backOffice = { authorization: `Bearer ${await backOfficeToken(rekey)}` }
const grant = { successToken: await restoreGrant(rekey, customer) }
const changingFactors = { ...bearer, successToken: await factorsGrant(rekey, customer, accessToken) }
const factorId = '0193a5d2-7c1e-7b44-9d5e-0a5b8f6a2c11'
const verificationId = '0194f3a2-5b1c-7d3e-8f90-a1b2c3d4e5f8'
const restoring = { authorization: `Bearer ${await restoreGrant(rekey, customer, 'access_token')}` }

const ofPasskey = { id: 'AAAA', rawId: 'AAAA', type: 'public-key' }

const restoreFields = restoreBody('nobody@example.com')
const loginFields = loginBody(customer)
const sendFields = {
  challenge_type: 'oob:email:x',
  client_timezone: '-3',
  mfa_token: 'x',
  response_type: 'code',
  state: 's',
}

/** Every endpoint with a body: a valid body, and its optional fields. */
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
  { path: '/api/v2/my/factors/totp', body: { label: 'My phone' }, optional: [], headers: changingFactors },
  {
    path: '/api/v2/my/factors/passkey',
    body: {
      label: 'My phone',
      credential: { ...ofPasskey, response: { clientDataJSON: 'AAAA', attestationObject: 'AAAA' } },
    },
    optional: [],
    headers: changingFactors,
  },
  {
    path: `/api/v2/my/factors/totp/${factorId}/confirm`,
    body: { code: '123456' },
    optional: [],
    headers: changingFactors,
  },
  {
    path: `/api/v2/clients/${customer.id}/verifications/${verificationId}`,
    body: { code: '123456' },
    optional: [],
    headers: backOffice,
  },
  ...['veto', 'end-wait'].map((act) => ({
    path: `/api/v2/clients/${customer.id}/waiting-restore/${act}`,
    method: 'POST',
    body: { reason: 'a stolen phone' },
    optional: [],
    headers: backOffice,
  })),
  {
    path: `/api/v2/clients/${customer.id}/password`,
    method: 'PUT',
    body: { password: 'Qwerty123', send_mail: false },
    optional: [],
    headers: backOffice,
  },
  {
    path: `/api/v2/clients/${customer.id}/block`,
    method: 'PUT',
    body: { reason: 'a stolen phone' },
    optional: [],
    headers: backOffice,
  },
]

const send = (one: (typeof bodies)[number], body: string | Buffer, type = 'application/json') =>
  http.send(one.method ?? 'POST', one.path, { ...one.headers, ...(type && { 'content-type': type }) }, body)

/** Sends the body without a Content-Length. */
const sendChunked = async (one: (typeof bodies)[number], body: string) =>
  read(
    await fetch(`${rekey.url}${one.path}`, {
      method: one.method ?? 'POST',
      headers: { ...one.headers, 'content-type': 'application/json' },
      body: new Blob([body]).stream(),
      duplex: 'half',
    } as RequestInit),
  )

t.test('S31: a field that is missing, empty, of another type or too long is refused, in every body', async (t) => {
  for (const one of bodies) {
    for (const field of Object.keys(one.body)) {
      const spoil = (value: unknown) => send(one, JSON.stringify({ ...one.body, [field]: value }))
      if (!one.optional.includes(field as never)) isRejection(t, await spoil(undefined), 400, one.path, field)
      for (const value of ['', [], {}, null, 1.5, [one.body[field as never]]]) {
        if (typeof value === 'number' && field === 'send_mail') continue
        // An optional parameter of an OAuth endpoint without a value is omitted (RFC 6749 §3.2).
        if (value === '' && one.path.startsWith('/oauth/') && one.optional.includes(field as never)) continue
        isRejection(t, await spoil(value), 400, one.path, field)
      }
      if (field !== 'password' && field !== 'send_mail') isRejection(t, await spoil('9'.repeat(5_000)), 400, one.path)
      // A password may contain any character.
      if (field === 'password') continue
      isRejection(t, await spoil('a\r\nSet-Cookie: b=c\u0000'), 400, one.path, field)
    }
  }
})

t.test('S31: a body that is not a JSON object, not JSON or not UTF-8 is refused', async (t) => {
  for (const one of bodies) {
    const valid = JSON.stringify(one.body)
    const [first = ''] = Object.keys(one.body)
    const value = JSON.stringify(one.body[first as never])
    const twice = `{"${first}":"another",${valid.slice(1)}`
    const repeated = `{"${first}":${value},${valid.slice(1)}`
    for (const body of [
      '',
      '[]',
      '"text"',
      '1',
      'null',
      '{',
      `${valid}}`,
      '{"__proto__":{"a":1}}',
      `[${valid}]`,
      twice,
      repeated,
    ]) {
      isRejection(t, await send(one, body), 400, one.path)
    }
    t.match((await send(one, twice)).text, `${first} is given more than once`)
    isRejection(t, await send(one, Buffer.from([0x7b, 0x22, 0xff, 0xfe, 0x22, 0x7d])), 400, one.path)
    isRejection(t, await send(one, Buffer.from(valid, 'utf16le')), 400, one.path)
  }
})

t.test('S31: another content type, a body over 16 KiB and another method are refused', async (t) => {
  for (const one of bodies) {
    const valid = JSON.stringify(one.body)
    isRejection(t, await send(one, valid, 'text/plain'), 415, one.path)
    isRejection(t, await send(one, valid, 'application/xml'), 415, one.path)
    // curl declares every body as a form: see acceptCurlBodies.
    if (!one.path.startsWith('/oauth/') && !one.path.startsWith('/api/v2/clients/')) {
      isRejection(t, await send(one, 'a=b', 'application/x-www-form-urlencoded'), 415, one.path)
    }
    for (const kilobytes of [17, 2_000]) {
      const large = JSON.stringify({ ...one.body, filler: 'x'.repeat(kilobytes * 1024) })
      isRejection(t, await send(one, large), 413, one.path)
      isRejection(t, await sendChunked(one, large), 413, one.path)
    }
    if (one.path === '/api/v2/my/2fa/challenge') continue
    const unused = one.path.endsWith('/block') ? 'POST' : 'DELETE'
    const other = await http.send(unused, one.path, one.headers)
    isRejection(t, other, 405, one.path)
    t.match(other.headers.get('allow'), one.method ?? 'POST')
  }
})

t.test('S31: a form with a repeated field or a broken escape is refused', async (t) => {
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

t.test('unknown fields are ignored (RFC 6749 §3.2)', async (t) => {
  t.equal((await http.post('/oauth/v2/passwordRestore', { ...restoreFields, unknown: { a: 1 } })).status, 200)
})

t.test('the table has every body with a mandatory field', (t) => {
  // The OAuth endpoints answer a missing field themselves: not every one is mandatory in the schema.
  const routes = Object.entries(contracts).flatMap(([route, schema]) =>
    'body' in schema && (schema.body.required ?? route.includes('/oauth/')) ? [route] : [],
  )
  const tested = bodies.map(
    ({ method = 'POST', path }) =>
      `${method} ${path
        .replace(factorId, ':factorId')
        .replace(verificationId, ':verificationId')
        .replace(String(customer.id), ':clientId')}`,
  )
  t.same(routes.filter((route) => !route.startsWith('PATCH')).sort(), tested.sort())
  t.end()
})
