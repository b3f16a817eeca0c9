import t from 'tap'
import { isProblem, json, startWithCustomer } from './app.fixture.ts'

const { http, customer, authorization, backOffice } = await startWithCustomer(t)

/** Ids that no resource can have: of another form, or out of the range of their column. */
const impossible = [
  '0',
  '-1',
  '2147483648',
  '4294967297',
  '9223372036854775808',
  '99999999999999999999',
  '1.0',
  '1.5',
  '1e0',
  '0x1',
  '01',
  '007',
  '+1',
  '%201',
  '1%20',
  '1_0',
  'abc',
  'EN00000CY',
  '%00',
  "'",
  '1;DROP%20TABLE%20customer',
  '__proto__',
  '%D9%A1',
  'NaN',
  'true',
]

t.test('an id that cannot exist is the same 404 as an unknown one', async (t) => {
  const changes = '/api/v2/my/password/changes'
  const uuid = '01a20050-c25e-7536-bd21-805c5f5829f5'
  const set = '{"password":"Qwerty123","send_mail":false}'
  const paths: [method: string, path: (id: string) => string, unknown: string, others: string[]][] = [
    ['GET', (id) => `${changes}/${id}`, '2000000000', impossible],
    ['GET', (id) => `/api/v2/clients/${customer.id}/password/changes/${id}`, '2000000000', impossible],
    ['GET', (id) => `/api/v2/clients/${id}/password/changes`, '2000000000', impossible],
    ['GET', (id) => `/api/v2/clients/${id}/password/changes/1`, '2000000000', impossible],
    ['GET', (id) => `/api/v2/clients/${id}`, '2000000000', impossible],
    ['GET', (id) => `/api/v2/clients/${id}/records`, '2000000000', impossible],
    ['GET', (id) => `/api/v2/clients/${id}/messages`, '2000000000', impossible],
    ['GET', (id) => `/api/v2/clients/${customer.id}/records/${id}`, '2000000000', impossible],
    ['POST', (id) => `/api/v2/clients/${id}/reset-password`, '2000000000', impossible],
    ['DELETE', (id) => `/api/v2/clients/${id}/hold`, '2000000000', impossible],
    ['DELETE', (id) => `/api/v2/clients/${id}/block`, '2000000000', impossible],
    ['PUT', (id) => `/api/v2/clients/${id}/password`, '2000000000', impossible],
    ['PATCH', (id) => `/api/v2/clients/${id}/password`, '2000000000', impossible],
    ['GET', (id) => `/api/v2/jobs/${id}`, uuid, [...impossible, `${uuid}x`, uuid.slice(1)]],
    ['POST', (id) => `/api/v2/jobs/${id}/cancel`, uuid, [...impossible, `${uuid}x`]],
    ['GET', (id) => `/api/v2/approvals/${id}`, uuid, [...impossible, `${uuid}x`]],
    ['POST', (id) => `/api/v2/approvals/${id}/approve`, uuid, [...impossible, uuid.slice(1)]],
    ['POST', (id) => `/api/v2/approvals/${id}/reject`, uuid, impossible],
  ]
  for (const [method, path, unknown, ids] of paths) {
    const isMine = path('1').startsWith(changes)
    const hasBody = method === 'PUT' || method === 'PATCH'
    const headers = { authorization: isMine ? authorization : backOffice, ...(hasBody && json) }
    const send = (id: string) => http.send(method, path(id), headers, ...(hasBody ? [set] : []))
    const expected = await send(unknown)
    isProblem(t, expected, 404, `${method} ${path(unknown)}`)
    for (const id of ids) {
      const answer = await send(id)
      t.equal(answer.status, 404, `${method} ${path(id)}`)
      t.equal(answer.text, expected.text, `${method} ${path(id)}`)
    }
  }
  isProblem(t, await http.get(`${changes}/%zz`, { authorization }), 400, 'a broken percent escape')
})

t.test('S31: an invalid query parameter is a 400 that names the field', async (t) => {
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
  ]
  for (const [url, field] of bad) {
    const answer = await http.get(url, { authorization })
    isProblem(t, answer, 400, url)
    t.match(answer.body.errors, [{ field }], url)
  }
  const historyOfCustomer = `/api/v2/clients/${customer.id}/password/changes`
  const badForBackOffice: [url: string, field: string, method?: string][] = [
    [`${historyOfCustomer}?limit=0`, 'limit'],
    [`${historyOfCustomer}?limit=101`, 'limit'],
    [`${historyOfCustomer}?offset=-1`, 'offset'],
    [`${historyOfCustomer}?sort_order=up`, 'sort_order'],
    [`${historyOfCustomer}?sort_by=id`, 'sort_by'],
    ['/api/v2/clients?email=x', 'email'],
    ['/api/v2/clients?email=a@b.cd&email=c@d.ef', 'email'],
    ['/api/v2/clients?phone=0770', 'phone'],
    [`/api/v2/clients/${customer.id}/records?limit=0`, 'limit'],
    [`/api/v2/clients/${customer.id}/messages?limit=0`, 'limit'],
    ['/api/v2/jobs?offset=-1', 'offset'],
    [`/api/v2/clients/${customer.id}/block?reason=%20`, 'reason', 'DELETE'],
    [`/api/v2/clients/${customer.id}/hold?reason=${'x'.repeat(501)}`, 'reason', 'DELETE'],
    [`/api/v2/clients/${customer.id}/hold?reason=a&reason=b`, 'reason', 'DELETE'],
    ['/api/v2/approvals?limit=0', 'limit'],
    ['/api/v2/approvals?limit=1&limit=2', 'limit'],
    ['/api/v2/approvals?offset=-1', 'offset'],
  ]
  for (const [url, field, method = 'GET'] of badForBackOffice) {
    const answer = await http.send(method, url, { authorization: backOffice })
    isProblem(t, answer, 400, url)
    t.match(answer.body.errors, [{ field }], url)
  }
})

t.test('S31: a number in a query has digits only', async (t) => {
  for (const odd of ['1e0', '0x1', '1.0', '01', '+1', '%201', '1_0']) {
    isProblem(t, await http.get(`/api/v2/my/password/changes?limit=${odd}`, { authorization }), 400, `limit ${odd}`)
  }
  for (const query of ['limit=10&offset=0', 'limit=&offset=&sort_order=&sort_by=']) {
    const { status, body } = await http.get(`/api/v2/my/password/changes?${query}`, { authorization })
    t.match({ status, body }, { status: 200, body: { total: 0 } }, query)
  }
})
