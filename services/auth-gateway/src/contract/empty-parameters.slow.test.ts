import { http as contracts } from '@rekey/contracts'
import { createCustomer } from '@rekey/test-support/customers'
import { askLogin, loginBody, restoreBody, restoreGrant, verificationBody } from '@rekey/test-support/flows'
import { startRekey } from '@rekey/test-support/rekey'
import t from 'tap'

// RFC 6749 §3.1, §3.2: every parameter of every OAuth endpoint, as a form and as JSON.
const rekey = await startRekey(t)
const { http } = rekey
const customer = await createCustomer(rekey.postgres.url)

const basic = (id: string, secret: string) => ({ authorization: `Basic ${btoa(`${id}:${secret}`)}` })
const backOffice = { client_id: 'backend_fin', client_secret: 'secretkey' }
/** No password is refused as too short: the grant can be sent again and again. */
const reset = { client_timezone: '-3', ip: '::1', response_type: 'code', source_system: 'IB', password: 'short' }
const challenge = {
  challenge_type: 'oob:email:x',
  client_timezone: '-3',
  mfa_token: 'x',
  response_type: 'code',
  state: 's',
}
const restoring = { authorization: `Bearer ${await restoreGrant(rekey, customer, 'access_token')}` }

/** A request to each endpoint, with its mandatory parameters, whose answer does not change when it is sent again. */
const requests: Record<
  string,
  {
    body: Record<string, string>
    headers?: object
    optional?: string[] /** By its grant type. */
    mandatory?: string[]
  }
> = {
  '/oauth/v2/passwordRestore': { body: restoreBody('nobody@example.com') },
  '/oauth/v2/passwordRestoreVerification': {
    body: verificationBody('x', '123456') as Record<string, string>,
    mandatory: ['code'],
  },
  '/oauth/v2/passwordRestoreReset': { body: reset, headers: restoring },
  // Refused before the password is hashed.
  '/oauth/v2/login': { body: loginBody(customer, { redirect_uri: 'http://localhost/other' }) },
  '/oauth/v2/challenge': { body: challenge },
  '/oauth/v2/token': {
    body: { grant_type: 'client_credentials', ...backOffice },
    optional: ['client_id', 'client_secret'],
  },
  '/oauth/v2/revoke': { body: { token: 'x', client_id: 'ib_localhost' }, optional: ['client_id'] },
  '/oauth/v2/introspect': { body: { token: 'x', ...backOffice }, optional: ['client_id', 'client_secret'] },
}
const endpoints = Object.entries(contracts).flatMap(([route, schema]) => {
  const path = route.replace('POST ', '')
  if (!path.startsWith('/oauth/') || !('body' in schema)) return []
  const required = 'required' in schema.body ? (schema.body.required ?? []) : []
  return [{ path, parameters: Object.keys(schema.body.properties), required: required as string[] }]
})

const forms = {
  'application/json': (pairs: [string, string][]) =>
    `{${pairs.map((pair) => pair.map((text) => JSON.stringify(text)).join(':')).join()}}`,
  'application/x-www-form-urlencoded': (pairs: [string, string][]) => `${new URLSearchParams(pairs)}`,
}
type Form = keyof typeof forms

/** Status and body, without what differs between two answers to one request. */
const send = async (path: string, form: Form, pairs: [string, string][]) => {
  const headers = { 'content-type': form, ...requests[path]?.headers }
  const { status, body } = await http.send('POST', path, headers, forms[form](pairs))
  const { mfa_token, code, access_token, ...rest } = body
  return { status, body: rest }
}

t.test('each parameter without a value is omitted: a mandatory one is missing', async (t) => {
  for (const { path, parameters, required } of endpoints) {
    const { body = {}, optional = [], mandatory = [] } = requests[path] ?? {}
    for (const form of Object.keys(forms) as Form[]) {
      const plain = await send(path, form, Object.entries(body))
      for (const name of parameters) {
        const what = `${path} ${form} ${name}`
        const { [name]: _, ...others } = body
        const without = Object.entries(others)
        // Without a password A3 sends a temporary one: see below.
        if (path.endsWith('Reset') && name === 'password') continue
        const answer = await send(path, form, [...without, [name, '']])
        t.same(answer, await send(path, form, without), what)
        if (required.includes(name) || mandatory.includes(name)) {
          t.match(answer, { status: 400, body: { error: 'invalid_request' } }, what)
          t.match(answer.body.error_description, `${name} is missing`, what)
        } else if (!optional.includes(name) && name !== 'grant_type') t.same(answer, plain, what)
      }
    }
  }
})

t.test('unknown parameters are ignored, also repeated ones; a known one that is repeated is refused', async (t) => {
  for (const { path } of endpoints) {
    const pairs = Object.entries(requests[path]?.body ?? {})
    for (const form of Object.keys(forms) as Form[]) {
      const unknown: [string, string][] = [
        ['utm', 'a'],
        ['utm', 'b'],
        ['resource', ''],
        ['resource', ''],
      ]
      t.same(await send(path, form, [...unknown, ...pairs]), await send(path, form, pairs), `${path} ${form}`)
      for (const [name, value] of pairs) {
        const refused = await send(path, form, [...pairs, [name, value]])
        t.match(refused, { status: 400, body: { error: 'invalid_request' } }, `${path} ${form} ${name}`)
        t.equal(refused.body.error_description, `${name} is given more than once.`)
      }
    }
  }
  t.same(endpoints.map(({ path }) => path).sort(), Object.keys(requests).sort(), 'the table is complete')
})

t.test('the vendor’s token example, byte for byte, gives a token', async (t) => {
  const example =
    '{"client_id":"backend_fin","client_secret":"secretkey","grant_type":"client_credentials","response_type":"access_token","scope":"REST:FULL","state":""}'
  const answer = await http.send('POST', '/oauth/v2/token', { 'content-type': 'application/json' }, example)
  t.equal(answer.status, 200)
  t.match(answer.body, { access_token: /^eyJ/, token_type: 'bearer', expires_in: 3600, scope: 'REST:FULL' })
  t.notOk('state' in answer.body)
  t.equal(answer.headers.get('cache-control'), 'no-store')
  t.equal(answer.headers.get('pragma'), 'no-cache', 'RFC 6749 §5.1')
})

t.test('a public client may send an empty secret, in the body or by Basic (RFC 6749 §2.3.1)', async (t) => {
  const ways: [object, Record<string, string>][] = [
    [{ client_id: 'ib_localhost', client_secret: '' }, {}],
    [{}, basic('ib_localhost', '')],
    [{ client_id: 'ib_localhost' }, basic('ib_localhost', '')],
    [{ client_id: '', client_secret: '' }, basic('ib_localhost', '')],
  ]
  for (const [body, headers] of ways) {
    const { answer, confirmation } = await askLogin(rekey, customer)
    const request = { grant_type: 'mfa_oob', mfa_token: answer.body.mfa_token, code: confirmation, ...body }
    t.match(await http.post('/oauth/v2/token', request, headers), { status: 200, body: { scope: 'CUSTOMER:FULL' } })
  }
  const revoke = { token: 'x' }
  t.equal((await http.post('/oauth/v2/revoke', revoke, basic('ib_localhost', ''))).status, 200)
  for (const [id, secret] of [
    ['backend_fin', ''],
    ['', ''],
    ['', 'secretkey'],
    ['ib_localhost', 'x'],
  ] as const) {
    const refused = await http.post('/oauth/v2/revoke', revoke, basic(id, secret))
    t.match(refused, { status: 401, body: { error: 'invalid_client' } }, `${id}:${secret}`)
  }
})

t.test('any number of spaces after the scheme of an Authorization header is one', async (t) => {
  const staff = async (header: string) =>
    http.post('/oauth/v2/token', { grant_type: 'client_credentials' }, { authorization: header })
  const secret = btoa('backend_fin:secretkey')
  for (const spaces of [' ', '  ', '     ']) {
    for (const scheme of ['Basic', 'basic', 'BASIC']) t.equal((await staff(scheme + spaces + secret)).status, 200)
    const token = (await staff(`Basic ${secret}`)).body.access_token
    const authorization = `Bearer${spaces}${token}`
    t.equal((await http.get('/api/v2/clients/1/password/changes', { authorization })).status, 200)
    t.equal((await http.get('/api/v2/my/2fa/challenge?businessProcess=changePassword', { authorization })).status, 403)
    const restoring = `bearer${spaces}${await restoreGrant(rekey, customer, 'access_token')}`
    const answer = await http.post('/oauth/v2/passwordRestoreReset', reset, { authorization: restoring })
    t.match(answer, { status: 400, body: { error: 'invalid_request' } })
  }
  for (const bad of [`Basic${secret}`, `Basic\t${secret}`, `Bearer ${secret}`, 'Basic', 'Basic  ']) {
    t.equal((await staff(bad)).status, 401, bad)
  }
})

t.test('A3 with an empty password sends a temporary one', async (t) => {
  const { id } = customer
  const authorization = `Bearer ${await restoreGrant(rekey, customer, 'access_token')}`
  t.match(await http.post('/oauth/v2/passwordRestoreReset', { ...reset, password: '' }, { authorization }), {
    status: 200,
    text: '{}',
  })
  const staff = (await http.post('/oauth/v2/token', { grant_type: 'client_credentials', ...backOffice })).body
  const history = await http.get(`/api/v2/clients/${id}/password/changes`, {
    authorization: `Bearer ${staff.access_token}`,
  })
  t.match(history.body, { data: [{ operation: 'reset' }] })
})

t.test('a query parameter of the broker API without a value is missing', async (t) => {
  const path = '/api/v2/my/2fa/unauthorized/challenge'
  const restoreOf = (query: string) => http.get(`${path}?businessProcess=restorePassword&${query}`)
  t.match(await restoreOf('email=&phone=%2B447700900999&client_id='), { status: 200, body: { provider: 'sms' } })
  t.match(await restoreOf('email=a@example.com&phone='), { status: 200, body: { provider: 'email' } })
  t.match(await restoreOf('email=&phone='), { status: 400, body: { detail: /Exactly one of email and phone/ } })
  const without = await http.get(`${path}?businessProcess=&email=a@example.com`)
  t.match(without, { status: 400, body: { detail: 'businessProcess is missing.' } })
})
