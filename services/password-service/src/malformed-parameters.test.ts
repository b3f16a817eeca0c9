import t from 'tap'
import { isProblem, json, startWithCustomer } from './app.fixture.ts'

const { http, customer, authorization, backOffice } = await startWithCustomer(t)

t.test('S31: an invalid query or path parameter is a 400 that names the field', async (t) => {
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
  const historyOfCustomer = `/api/v2/clients/${customer.id}/password/changes`
  const uuid = '01a20050-c25e-7536-bd21-805c5f5829f5'
  const badForBackOffice: [method: string, url: string, field: string][] = [
    ['GET', `${historyOfCustomer}?limit=0`, 'limit'],
    ['GET', `${historyOfCustomer}?limit=101`, 'limit'],
    ['GET', `${historyOfCustomer}?offset=-1`, 'offset'],
    ['GET', `${historyOfCustomer}?sort_order=up`, 'sort_order'],
    ['GET', `${historyOfCustomer}?sort_by=id`, 'sort_by'],
    ['GET', `${historyOfCustomer}/0`, 'changeId'],
    ['GET', `${historyOfCustomer}/abc`, 'changeId'],
    ['GET', '/api/v2/clients/abc/password/changes', 'clientId'],
    ['GET', '/api/v2/clients/2147483648/password/changes/1', 'clientId'],
    ['POST', '/api/v2/clients/EN00000CY/reset-password', 'clientId'],
    ['POST', '/api/v2/clients/%00/reset-password', 'clientId'],
    ['GET', '/api/v2/clients?email=x', 'email'],
    ['GET', '/api/v2/clients?email=a@b.cd&email=c@d.ef', 'email'],
    ['GET', '/api/v2/clients?phone=0770', 'phone'],
    ['GET', '/api/v2/clients?customer=', 'customer'],
    ['GET', '/api/v2/clients/reset-password', 'clientId'],
    ['GET', `/api/v2/clients/${customer.id}/records?limit=0`, 'limit'],
    ['GET', `/api/v2/clients/${customer.id}/records/0`, 'recordId'],
    ['GET', '/api/v2/clients/abc/records', 'clientId'],
    ['DELETE', `/api/v2/clients/${customer.id}/block?reason=%20`, 'reason'],
    ['DELETE', `/api/v2/clients/${customer.id}/hold?reason=${'x'.repeat(501)}`, 'reason'],
    ['DELETE', `/api/v2/clients/${customer.id}/hold?reason=a&reason=b`, 'reason'],
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
  for (const [method, url, field] of badForBackOffice) {
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

t.test('S31: a number in a path or query has digits only', async (t) => {
  for (const odd of ['1e0', '0x1', '1.0', '01', '+1', '%201', '1_0', '']) {
    const history = await http.get(`/api/v2/clients/${odd}/password/changes`, { authorization: backOffice })
    isProblem(t, history, 400, `client ${odd}`)
    if (odd === '') continue
    isProblem(t, await http.get(`/api/v2/my/password/changes?limit=${odd}`, { authorization }), 400, `limit ${odd}`)
  }
  for (const query of ['limit=10&offset=0', 'limit=&offset=&sort_order=&sort_by=']) {
    const { status, body } = await http.get(`/api/v2/my/password/changes?${query}`, { authorization })
    t.match({ status, body }, { status: 200, body: { total: 0 } }, query)
  }
})
