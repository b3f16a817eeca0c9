import { connect } from 'node:net'
import { audiences, http as contract, scopes } from '@rekey/contracts'
import { startPasswordService } from '@rekey/test-support/password-service'
import t, { type Test } from 'tap'

const service = await startPasswordService(t)
const { http, bearer, grant } = service
const customer = await service.customer()
const authorization = bearer(customer.code)
const backOffice = bearer('backend_fin', scopes.backOffice)
const json = { 'content-type': 'application/json' }

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

const isProblem = (
  t: Test,
  { status, headers, body }: Awaited<ReturnType<typeof http.send>>,
  expected: number,
  what: string,
) => {
  t.equal(status, expected, what)
  t.match(headers.get('content-type'), /^application\/problem\+json/, what)
  t.equal(headers.get('cache-control'), 'no-store', what)
  t.match(body, { status: expected, code: String, title: String, detail: String, type: String }, what)
}

t.test('S31: a body that is not as the contract says is a 400 that names the field', async (t) => {
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
    isProblem(t, missing, 400, 'nothing')
    t.match(missing.body.errors, [{ field: 'password', code: 'missing' }])
  }
})

t.test('S31: a body that cannot be read is a clear 4xx', async (t) => {
  const broken: [what: string, body: string | Buffer, status: number, type?: string][] = [
    ['broken JSON', '{"password":', 400],
    ['an array', '[]', 400],
    ['null', 'null', 400],
    ['a string', '"Qwerty123"', 400],
    ['a name that stands twice', '{"password":"Qwerty123","password":"Qwerty124"}', 400],
    ['__proto__', '{"__proto__":{},"password":"Qwerty123"}', 400],
    ['invalid UTF-8', Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x7d]), 400],
    ['nothing', '', 400],
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

t.test('S31 A3: a body that is not as the contract says is a 4xx of OAuth’s that names the field', async (t) => {
  const url = '/oauth/v2/passwordRestoreReset'
  const challengeId = await service.restoreOf(customer.id)
  const token = grant('restore', challengeId, { aud: [audiences.api, audiences.grant] })
  const send = (body: string | Buffer, type = 'application/json') =>
    http.send('POST', url, { authorization: `Bearer ${token}`, 'content-type': type }, body)
  const isRefused = async (sent: ReturnType<typeof send>, status: number, description: RegExp, what: string) => {
    const answer = await sent
    t.equal(answer.status, status, what)
    t.match(answer.headers.get('content-type'), /^application\/json/, what)
    t.equal(answer.headers.get('cache-control'), 'no-store', what)
    t.match(answer.body, { error: 'invalid_request', error_description: description }, what)
  }
  const good = { client_timezone: '-3', ip: '::1', response_type: 'code', source_system: 'IB' }
  const wrongs: Record<string, unknown[]> = {
    client_timezone: ['', 'noon', -3, null, [], {}, '-3\r\nx: y'],
    ip: ['', 'localhost', '300.1.1.1', 1, null, [], {}],
    response_type: [1, null, [], {}, 'x'.repeat(65)],
    source_system: ['', 'ib', 1, null, [], {}],
    password: ['', 1, null, true, [], {}, ['Qwerty123']],
  }
  for (const [field, values] of Object.entries(wrongs)) {
    for (const wrong of values) {
      const body = JSON.stringify({ ...good, [field]: wrong })
      await isRefused(send(body), 400, new RegExp(`^${field} `), body)
    }
    if (field === 'password') continue
    const { [field as keyof typeof good]: _, ...rest } = good
    await isRefused(send(JSON.stringify(rest)), 400, new RegExp(`^${field} is missing`), `without ${field}`)
  }
  await isRefused(send('{}'), 400, /client_timezone is missing; ip is missing/, 'nothing')
  const form = 'application/x-www-form-urlencoded'
  const broken: [what: string, body: string | Buffer, status: number, type?: string][] = [
    ['broken JSON', '{"ip":', 400],
    ['an array', '[]', 400],
    ['null', 'null', 400],
    ['a name that stands twice', '{"ip":"::1","ip":"::2"}', 400],
    ['__proto__', '{"__proto__":{}}', 400],
    ['a lone surrogate', JSON.stringify({ ...good, password: 'x' }).replace('"x"', '"\\ud800Qwerty"'), 400],
    ['invalid UTF-8', Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x7d]), 400],
    ['nothing', '', 400],
    ['a form with a name twice', `${new URLSearchParams(good)}&ip=%3A%3A2`, 400, form],
    ['a form with a broken escape', 'ip=%zz', 400, form],
    ['a form that is no UTF-8', 'ip=%ff', 400, form],
    ['an empty form', '', 400, form],
    ['over 16 KiB', JSON.stringify({ ...good, password: 'x'.repeat(17_000) }), 413],
    ['a form over 16 KiB', `ip=${'x'.repeat(17_000)}`, 413, form],
    ['text', JSON.stringify(good), 415, 'text/plain'],
    ['XML', '<reset/>', 415, 'application/xml'],
  ]
  for (const [what, body, status, type] of broken) await isRefused(send(body, type), status, /./, what)
  const unread = await http.send('POST', url, json, '{"ip":')
  t.equal(unread.status, 401, 'without a bearer nothing is read')
  t.match(unread.body, { error: 'invalid_token' })
  t.equal((await http.get(url, { authorization: `Bearer ${token}` })).status, 405)
  const unknown = await send(JSON.stringify({ ...good, password: 'Qwerty123', state: 'x', unknown: {} }))
  t.equal(unknown.status, 200, 'unknown fields are ignored, and the grant was not spent by any of it')
})

t.test('S31: queries and paths that are out of bounds are a 400 that names the field', async (t) => {
  const changes = '/api/v2/my/password/changes'
  const bad: [url: string, field: string][] = [
    [`${changes}?limit=0`, 'limit'],
    [`${changes}?limit=101`, 'limit'],
    [`${changes}?limit=ten`, 'limit'],
    [`${changes}?limit=1.5`, 'limit'],
    [`${changes}?limit=5&limit=6`, 'limit'],
    [`${changes}?offset=-1`, 'offset'],
    [`${changes}?offset=99999999999999999999`, 'offset'],
    [`${changes}?sort_order=up`, 'sort_order'],
    [`${changes}?sort_by=password`, 'sort_by'],
    [`${changes}/0`, 'changeId'],
    [`${changes}/-1`, 'changeId'],
    [`${changes}/2147483648`, 'changeId'],
    [`${changes}/abc`, 'changeId'],
    [`${changes}/1e3x`, 'changeId'],
    [`${changes}/%00`, 'changeId'],
  ]
  for (const [url, field] of bad) {
    const answer = await http.get(url, { authorization })
    isProblem(t, answer, 400, url)
    t.match(answer.body.errors, [{ field }], url)
  }
  isProblem(t, await http.get(`${changes}/%zz`, { authorization }), 400, 'a broken percent escape')
  const theirs = `/api/v2/clients/${customer.id}/password/changes`
  const uuid = '01a20050-c25e-7536-bd21-805c5f5829f5'
  const badOfStaff: [method: string, url: string, field: string][] = [
    ['GET', `${theirs}?limit=0`, 'limit'],
    ['GET', `${theirs}?limit=101`, 'limit'],
    ['GET', `${theirs}?offset=-1`, 'offset'],
    ['GET', `${theirs}?sort_order=up`, 'sort_order'],
    ['GET', `${theirs}?sort_by=id`, 'sort_by'],
    ['GET', `${theirs}/0`, 'changeId'],
    ['GET', `${theirs}/abc`, 'changeId'],
    ['GET', '/api/v2/clients/abc/password/changes', 'clientId'],
    ['GET', '/api/v2/clients/2147483648/password/changes/1', 'clientId'],
    ['POST', '/api/v2/clients/EN00000CY/reset-password', 'clientId'],
    ['POST', '/api/v2/clients/%00/reset-password', 'clientId'],
    ['DELETE', '/api/v2/clients/0/hold', 'clientId'],
    ['DELETE', '/api/v2/clients/-1/hold', 'clientId'],
    ['DELETE', '/api/v2/clients/2147483648/hold', 'clientId'],
    ['DELETE', '/api/v2/clients/EN00000CY/hold', 'clientId'],
    ['DELETE', "/api/v2/clients/'/hold", 'clientId'],
    ['DELETE', '/api/v2/clients/1;DROP%20TABLE%20customer/hold', 'clientId'],
    ['GET', '/api/v2/jobs/1', 'jobId'],
    ['GET', `/api/v2/jobs/${uuid}x`, 'jobId'],
    ['POST', '/api/v2/jobs/%00/cancel', 'jobId'],
    ['GET', '/api/v2/approvals?limit=0', 'limit'],
    ['GET', '/api/v2/approvals?limit=1&limit=2', 'limit'],
    ['GET', '/api/v2/approvals?offset=-1', 'offset'],
    ['GET', '/api/v2/approvals/1', 'approvalId'],
    ['POST', `/api/v2/approvals/${uuid.slice(1)}/approve`, 'approvalId'],
    ['POST', '/api/v2/approvals/__proto__/reject', 'approvalId'],
  ]
  for (const [method, url, field] of badOfStaff) {
    const answer = await http.send(method, url, { authorization: backOffice })
    isProblem(t, answer, 400, `${method} ${url}`)
    t.match(answer.body.errors, [{ field }], url)
  }
  for (const id of ['0', 'EN00000CY', '2147483648', '1;DROP TABLE customer']) {
    const url = `/api/v2/clients/${encodeURIComponent(id)}/password`
    const headers = { ...json, authorization: backOffice }
    const answer = await http.send('PUT', url, headers, '{"password":"Qwerty123","send_mail":false}')
    isProblem(t, answer, 400, url)
    t.match(answer.body.errors, [{ field: 'clientId' }], url)
  }
})

t.test(
  'S31: where no body is wanted, one that cannot be read is a clear 4xx, and any other changes nothing',
  async (t) => {
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
        isProblem(t, list, 400, `${url}: a list`)
      }
    }
  },
)

t.test('S28: without a fit bearer every route that is not public answers 401 and says how', async (t) => {
  const unfit = ['', 'Bearer', 'Bearer x', 'Bearer a.b.c', 'Basic dXNlcjpwYXNz', `${authorization} more`]
  for (const [route, schema] of Object.entries(contract)) {
    const [method = '', pattern = ''] = route.split(' ')
    const ours = /^\/api\/v2\/(my\/password\/change|clients|jobs|approvals)/.test(pattern)
    if (!ours) continue
    const url = pattern.replace(/:\w+/g, '1')
    const body = 'body' in schema ? '{"password":"Qwerty123","send_mail":false}' : undefined
    for (const header of unfit) {
      const answer = await http.send(method, url, { ...(body && json), ...(header && { authorization: header }) }, body)
      isProblem(t, answer, 401, `${route} with "${header.slice(0, 20)}"`)
      t.match(answer.headers.get('www-authenticate'), /^Bearer realm=/)
    }
  }
})

t.test('S31: other methods, other paths and huge headers have their own answers', async (t) => {
  const wrongMethod = await http.get('/api/v2/my/password/restore')
  isProblem(t, wrongMethod, 405, 'GET on a route that is for POST')
  t.equal(wrongMethod.headers.get('allow'), 'POST')
  isProblem(t, await http.get('/api/v2/my/passwords'), 404, 'no such path')
  const huge = await http.post(
    '/api/v2/my/password/restore',
    { password: 'Qwerty123' },
    { successToken: 'x'.repeat(20_000) },
  )
  isProblem(
    t,
    { ...huge, headers: new Headers({ ...Object.fromEntries(huge.headers), 'cache-control': 'no-store' }) },
    431,
    'huge headers',
  )
})

t.test('S31: a header that smuggles a line is refused by the parser', async (t) => {
  const { hostname, port } = new URL(service.url)
  const answer = await new Promise<string>((resolve, reject) => {
    const socket = connect(Number(port), hostname, () =>
      socket.end('POST /api/v2/my/password/restore HTTP/1.1\r\nHost: x\r\nsuccessToken: a\nb\0: c\r\n\r\n'),
    )
    let text = ''
    socket.on('data', (data) => {
      text += data
    })
    socket.on('end', () => resolve(text))
    socket.on('error', reject)
  })
  t.match(answer, /^HTTP\/1\.1 400 /)
})

t.test('S30: the address is believed from the gateway, and from nobody behind it', async (t) => {
  const change = async (forwarded: string) => {
    const headers = { authorization, successToken: grant('change', customer.code), 'x-forwarded-for': forwarded }
    t.equal((await http.post('/api/v2/my/password/change', { password: 'Qwerty123' }, headers)).status, 204)
    const { body } = await http.get<{ data: { ip: string }[] }>('/api/v2/my/password/changes', { authorization })
    return body.data[0]?.ip
  }
  t.equal(await change('203.0.113.7'), '203.0.113.7')
  t.equal(await change('198.51.100.1, 203.0.113.7'), '203.0.113.7', 'what the client itself claims is not')
})

t.test('S31: a number in an address is written as people write it', async (t) => {
  for (const odd of ['1e0', '0x1', '1.0', '01', '+1', '%201', '1_0', '']) {
    const history = await http.get(`/api/v2/clients/${odd}/password/changes`, { authorization: backOffice })
    isProblem(t, history, 400, `client ${odd}`)
    isProblem(t, await http.get(`/api/v2/my/password/changes?limit=${odd}`, { authorization }), 400, `limit ${odd}`)
  }
  t.equal((await http.get('/api/v2/my/password/changes?limit=10&offset=0', { authorization })).status, 200)
})

t.test('S31: whoever names anyone in a reset of all is refused', async (t) => {
  for (const body of ['[1]', '{"clientIds":[1]}', '"all"', 'null']) {
    const headers = { authorization: backOffice, ...json }
    isProblem(t, await http.send('POST', '/api/v2/clients/reset-password', headers, body), 400, body)
  }
  t.same(await service.query('SELECT id FROM job'), [])
})
