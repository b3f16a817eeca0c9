import { audiences } from '@rekey/contracts'
import t from 'tap'
import { isProblem, json, startWithCustomer } from './app.fixture.ts'

const { service, http, grant, customer, authorization, backOffice } = await startWithCustomer(t)

interface Route {
  method: string
  url: string
  headers: Record<string, string>
  good: Record<string, unknown>
}

const withBody: Route[] = [
  {
    method: 'POST',
    url: '/api/v2/my/password/change',
    headers: { authorization, successToken: grant('change', customer.code) },
    good: { password: 'Qwerty123', currentPassword: 'Qwerty123' },
  },
  {
    method: 'POST',
    url: '/api/v2/my/password/restore',
    headers: { successToken: grant('change', customer.code) },
    good: { password: 'Qwerty123' },
  },
  {
    method: 'PUT',
    url: `/api/v2/clients/${customer.id}/password`,
    headers: { authorization: backOffice },
    good: { password: 'Qwerty123', send_mail: false },
  },
  {
    method: 'PATCH',
    url: `/api/v2/clients/${customer.id}/password`,
    headers: { authorization: backOffice },
    good: { password: 'Qwerty123', send_mail: false },
  },
]

t.test('S31: a body that violates the contract is a 400 that names the field', async (t) => {
  const wrongs: Record<string, unknown[]> = {
    password: ['', 1, null, true, [], {}, ['Qwerty123'], { a: 1 }],
    currentPassword: ['', 1, null, [], {}],
    send_mail: ['true', 1, null, [], {}],
  }
  for (const { method, url, headers, good } of withBody) {
    for (const field of Object.keys(good)) {
      for (const wrong of wrongs[field] ?? []) {
        const body = JSON.stringify({ ...good, [field]: wrong })
        const answer = await http.send(method, url, { ...json, ...headers }, body)
        isProblem(t, answer, 400, `${method} ${url} ${body}`)
        t.match(answer.body.errors, [{ field }])
      }
    }
    const surrogate = JSON.stringify(good).replace('Qwerty123', '\\ud800Qwerty')
    isProblem(t, await http.send(method, url, { ...json, ...headers }, surrogate), 400, 'a lone surrogate')
    const missing = await http.send(method, url, { ...json, ...headers }, '{}')
    isProblem(t, missing, 400, 'an empty object')
    t.match(missing.body.errors, [{ field: 'password', code: 'missing' }])
  }
})

t.test('S31: a body of a verification that violates the contract is a 400 that names the field', async (t) => {
  const begin = `/api/v2/clients/${customer.id}/verifications`
  const confirm = `${begin}/019ac0de-7c1a-7bbf-9d42-0f7f6a3a2b11`
  const headers = { ...json, authorization: backOffice }
  const wrongs: [url: string, field: string, good: object, values: unknown[]][] = [
    [begin, 'channel', {}, ['', 'phone', 'EMAIL', 1, null, [], {}]],
    [begin, 'reason', {}, ['', ' ', 'two\nlines', 'x'.repeat(501), 1, null, {}]],
    [confirm, 'code', {}, ['', 'abcdef', '1'.repeat(13), -1, 1.5, null, true, [], {}]],
    [confirm, 'reason', { code: '123456' }, ['', 'two\nlines', 1, null]],
  ]
  for (const [url, field, good, values] of wrongs) {
    for (const value of values) {
      const body = JSON.stringify({ ...good, [field]: value })
      const answer = await http.send('POST', url, headers, body)
      isProblem(t, answer, 400, `${url} ${body}`)
      t.match(answer.body.errors, [{ field }], body)
    }
  }
  for (const body of ['[]', '{"code":', '"123456"', '{"__proto__":{},"code":"123456"}'])
    isProblem(t, await http.send('POST', confirm, headers, body), 400, body)
  isProblem(t, await http.send('POST', confirm, headers, '{}'), 400, 'no code')
  isProblem(t, await http.send('POST', `${begin}/none`, headers, '{"code":"123456"}'), 404, 'no id')
  const other = { ...json, authorization }
  isProblem(t, await http.send('POST', begin, other, '{}'), 403, 'a customer')
  isProblem(t, await http.send('POST', begin, json, '{}'), 401, 'nobody')
  t.same(await service.query('SELECT id FROM verification'), [], 'nothing was begun')
})

t.test('S31: a body that cannot be parsed is a 4xx', async (t) => {
  const broken: [what: string, body: string | Buffer, status: number, type?: string][] = [
    ['broken JSON', '{"password":', 400],
    ['an array', '[]', 400],
    ['null', 'null', 400],
    ['a string', '"Qwerty123"', 400],
    ['a duplicate name', '{"password":"Qwerty123","password":"Qwerty124"}', 400],
    ['__proto__', '{"__proto__":{},"password":"Qwerty123"}', 400],
    ['invalid UTF-8', Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x7d]), 400],
    ['an empty body', '', 400],
    ['over 16 KiB', JSON.stringify({ password: 'x'.repeat(17_000) }), 413],
    ['text', '{"password":"Qwerty123"}', 415, 'text/plain'],
    ['XML', '<password/>', 415, 'application/xml'],
  ]
  for (const { method, url, headers } of withBody) {
    for (const [what, body, status, type = 'application/json'] of broken) {
      const answer = await http.send(method, url, { 'content-type': type, ...headers }, body)
      isProblem(t, answer, status, `${method} ${url}: ${what}`)
    }
  }
})

t.test('S31 A3: a body that violates the contract is an OAuth error that names the field', async (t) => {
  const url = '/oauth/v2/passwordRestoreReset'
  const challengeId = await service.restoreOf(customer.id)
  const token = grant('restore', challengeId, { aud: [audiences.api, audiences.grant] })
  const send = (body: string | Buffer, type = 'application/json') =>
    http.send('POST', url, { authorization: `Bearer ${token}`, 'content-type': type }, body)
  const isRefused = async (
    sent: ReturnType<typeof send>,
    status: number,
    description: RegExp,
    what: string,
    error = 'invalid_request',
  ) => {
    const answer = await sent
    t.equal(answer.status, status, what)
    t.match(answer.headers.get('content-type'), /^application\/json/, what)
    t.equal(answer.headers.get('cache-control'), 'no-store', what)
    t.match(answer.body, { error, error_description: description }, what)
  }
  const good = { client_timezone: '-3', ip: '::1', response_type: 'code', source_system: 'IB' }
  const wrongs: Record<string, unknown[]> = {
    client_timezone: ['', 'noon', -3, null, [], {}, '-3\r\nx: y'],
    ip: ['', 'localhost', '300.1.1.1', 1, null, [], {}],
    response_type: [1, null, [], {}, 'x'.repeat(65)],
    source_system: ['', 'ib', 1, null, [], {}],
    password: [1, null, true, [], {}, ['Qwerty123']],
  }
  for (const [field, values] of Object.entries(wrongs)) {
    for (const wrong of values) {
      const body = JSON.stringify({ ...good, [field]: wrong })
      const error = field === 'response_type' ? 'unsupported_response_type' : undefined
      await isRefused(send(body), 400, new RegExp(`^${field} `), body, error)
    }
    if (field === 'password') continue
    const { [field as keyof typeof good]: _, ...rest } = good
    await isRefused(send(JSON.stringify(rest)), 400, new RegExp(`^${field} is missing`), `without ${field}`)
  }
  await isRefused(send('{}'), 400, /client_timezone is missing; ip is missing/, 'an empty object')
  const form = 'application/x-www-form-urlencoded'
  const broken: [what: string, body: string | Buffer, status: number, type?: string][] = [
    ['broken JSON', '{"ip":', 400],
    ['an array', '[]', 400],
    ['null', 'null', 400],
    ['a duplicate name', '{"ip":"::1","ip":"::2"}', 400],
    ['__proto__', '{"__proto__":{}}', 400],
    ['a lone surrogate', JSON.stringify({ ...good, password: 'x' }).replace('"x"', '"\\ud800Qwerty"'), 400],
    ['invalid UTF-8', Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x7d]), 400],
    ['an empty body', '', 400],
    ['a form with a duplicate name', `${new URLSearchParams(good)}&ip=%3A%3A2`, 400, form],
    ['a form with a broken escape', 'ip=%zz', 400, form],
    ['a form that is not UTF-8', 'ip=%ff', 400, form],
    ['an empty form', '', 400, form],
    ['over 16 KiB', JSON.stringify({ ...good, password: 'x'.repeat(17_000) }), 413],
    ['a form over 16 KiB', `ip=${'x'.repeat(17_000)}`, 413, form],
    ['text', JSON.stringify(good), 415, 'text/plain'],
    ['XML', '<reset/>', 415, 'application/xml'],
  ]
  for (const [what, body, status, type] of broken) await isRefused(send(body, type), status, /./, what)
  const withoutBearer = await http.send('POST', url, json, '{"ip":')
  t.equal(withoutBearer.status, 401, 'without a bearer token the body is not parsed')
  t.match(withoutBearer.body, { error: 'invalid_token' })
  t.equal((await http.get(url, { authorization: `Bearer ${token}` })).status, 405)
  const unknown = await send(JSON.stringify({ ...good, password: 'Qwerty123', state: 'x', unknown: {} }))
  t.equal(unknown.status, 200, 'unknown fields are ignored, and no refused request spent the grant')
})

t.test('S31: on a route without a body, one that cannot be parsed is a 4xx, and any other is ignored', async (t) => {
  const uuid = '01a20050-c25e-7536-bd21-805c5f5829f5'
  const target = await service.customer()
  const routes: [method: string, url: string, status: number][] = [
    ['POST', `/api/v2/clients/${target.id}/reset-password`, 202],
    ['POST', `/api/v2/jobs/${uuid}/cancel`, 404],
    ['POST', `/api/v2/approvals/${uuid}/approve`, 404],
    ['POST', `/api/v2/approvals/${uuid}/reject`, 404],
    ['DELETE', `/api/v2/clients/${target.id}/hold`, 204],
  ]
  const bodies: [body: string | Buffer, status?: number, type?: string][] = [
    ['{}'],
    ['{"unknown":1}'],
    ['{"a":', 400],
    ['{"__proto__":{}}', 400],
    ['{"a":1,"a":2}', 400],
    [Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x7d]), 400],
    [JSON.stringify({ a: 'x'.repeat(17_000) }), 413],
    ['<a/>', 415, 'application/xml'],
  ]
  for (const [method, url, good] of routes) {
    for (const [body, status, type = 'application/json'] of bodies) {
      const answer = await http.send(method, url, { authorization: backOffice, 'content-type': type }, body)
      if (status) isProblem(t, answer, status, `${url}: ${String(body).slice(0, 20)}`)
      else t.equal(answer.status, good, `${url}: ${body}`)
    }
    if (method === 'POST') {
      const list = await http.send(method, url, { authorization: backOffice, ...json }, '[]')
      isProblem(t, list, 400, `${url}: an array`)
    }
  }
})

t.test('S31: a reason that is not one line of text is a 400 that names the field', async (t) => {
  const target = await service.customer()
  const client = `/api/v2/clients/${target.id}`
  const password = { password: 'Qwerty123', send_mail: false }
  const withReason: [method: string, url: string, good?: object][] = [
    ['PUT', `${client}/password`, password],
    ['POST', `${client}/reset-password`],
    ['POST', '/api/v2/clients/reset-password'],
    ['PUT', `${client}/block`],
  ]
  for (const [method, url, good] of withReason) {
    for (const reason of ['', ' ', 'a\nb', 'a\u0000', 'x'.repeat(501), 1, null, ['a'], {}]) {
      const body = JSON.stringify({ ...good, reason })
      const answer = await http.send(method, url, { authorization: backOffice, ...json }, body)
      isProblem(t, answer, 400, `${url} ${body.slice(0, 60)}`)
      t.match(answer.body.errors, [{ field: 'reason' }])
    }
  }
  t.same(await service.query('SELECT 1 FROM password_change WHERE customer_id = $1', [target.id]), [])
})

t.test('S31: a reset of all with any other body than a reason is refused', async (t) => {
  for (const body of ['[1]', '{"clientIds":[1]}', '{"reason":"a","clientIds":[1]}', '"all"', 'null']) {
    const headers = { authorization: backOffice, ...json }
    isProblem(t, await http.send('POST', '/api/v2/clients/reset-password', headers, body), 400, body)
  }
  t.same(await service.query('SELECT id FROM job'), [])
})
