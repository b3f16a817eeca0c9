import { request as rawRequest } from 'node:http'
import { connect } from 'node:net'
import { text } from 'node:stream/consumers'
import { createCustomer } from '@rekey/test-support/customers'
import { backOfficeToken, signIn } from '@rekey/test-support/flows'
import { startRekey } from '@rekey/test-support/rekey'
import t from 'tap'
import { isRejection } from './rejection.fixture.ts'

const rekey = await startRekey(t)
const { http } = rekey
const customer = await createCustomer(rekey.postgres.url)
const bearer = { authorization: `Bearer ${await signIn(rekey, customer)}` }
const backOffice = { authorization: `Bearer ${await backOfficeToken(rekey)}` }

t.test('S31: a malformed query or path parameter is refused', async (t) => {
  const changes = '/api/v2/my/password/changes'
  const open = '/api/v2/my/2fa/challenge'
  const unauthorized = '/api/v2/my/2fa/unauthorized/challenge'
  const cases = [
    [`${changes}?limit=0`, 'limit'],
    [`${changes}?limit=101`, 'limit'],
    [`${changes}?limit=ten`, 'limit'],
    [`${changes}?limit=${'9'.repeat(309)}`, 'limit'],
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
  // An id that no resource can have is an unknown one.
  const statusOf = (field = '') => (field.endsWith('Id') ? 404 : 400)
  const nounOf: Record<string, string> = {
    approvalId: 'approval',
    changeId: 'password change',
    clientId: 'customer',
    jobId: 'job',
    recordId: 'record',
  }
  for (const [path = '', field = ''] of cases) {
    isRejection(t, await http.get(path, bearer), statusOf(field), path, nounOf[field] ?? field)
  }

  const staffCases = [
    ['GET', `/api/v2/clients/abc/password/changes`, 'clientId'],
    ['GET', `/api/v2/clients/${customer.id}/password/changes?limit=0`, 'limit'],
    ['GET', `/api/v2/clients/${customer.id}/password/changes/0`, 'changeId'],
    ['POST', '/api/v2/clients/99999999999/reset-password', 'clientId'],
    ['GET', `/api/v2/clients/abc/records`, 'clientId'],
    ['GET', `/api/v2/clients/${customer.id}/records/0`, 'recordId'],
    ['DELETE', `/api/v2/clients/${customer.id}/block?reason=%20`, 'reason'],
    ['DELETE', `/api/v2/clients/${customer.id}/hold?reason=%0A`, 'reason'],
    ['GET', '/api/v2/jobs/1', 'jobId'],
    ['POST', '/api/v2/jobs/1/cancel', 'jobId'],
    ['GET', '/api/v2/approvals?limit=101', 'limit'],
    ['GET', `/api/v2/approvals?limit=${'9'.repeat(309)}`, 'limit'],
    ['GET', '/api/v2/approvals/1', 'approvalId'],
    ['POST', '/api/v2/approvals/1/approve', 'approvalId'],
    ['POST', '/api/v2/approvals/1/reject', 'approvalId'],
  ]
  for (const [method = '', path = '', field = ''] of staffCases) {
    isRejection(t, await http.send(method, path, backOffice), statusOf(field), path, nounOf[field] ?? field)
  }
})

t.test('S31: unknown paths get 404, malformed paths 4xx', async (t) => {
  for (const path of [
    '/',
    '/oauth/v2',
    '/oauth/v2/nothing',
    '/api/v2/my/password',
    '/api/v2/clients/1/nothing',
    '/api/v3',
  ]) {
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

t.test('S31: oversized headers get 431 as a problem document', async (t) => {
  const { hostname, port } = new URL(rekey.url)
  const socket = connect(Number(port), hostname)
  socket.write(`GET /healthz HTTP/1.1\r\nHost: x\r\nX-Filler: ${'x'.repeat(20_000)}\r\n\r\n`)
  const answer = await text(socket)
  t.match(answer, /^HTTP\/1\.1 431 /)
  t.match(answer, 'urn:rekey:problem:headers_too_large')
})

t.test('S31: a request without a bearer token gets 401 with WWW-Authenticate', async (t) => {
  for (const path of ['/api/v2/my/password/changes', '/api/v2/my/2fa/challenge?businessProcess=changePassword']) {
    const answer = await http.get(path)
    isRejection(t, answer, 401, path)
    t.equal(answer.headers.get('www-authenticate'), 'Bearer realm="rekey"')
  }
})
