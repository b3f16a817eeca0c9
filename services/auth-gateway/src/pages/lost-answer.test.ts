import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createCustomer } from '@rekey/test-support/customers'
import { signsIn } from '@rekey/test-support/flows'
import { startRekey } from '@rekey/test-support/rekey'
import { createVisitor, problemOf, titleOf } from '@rekey/test-support/visitor'
import t from 'tap'
import { signInToAccount, untilNewPassword } from '../account-pages/account.fixture.ts'
import { listByEmail, nextCode, secretOf } from '../account-pages/security.fixture.ts'

// Between gateway and password-service, a proxy that loses the answers to a new password: it is set, and the gateway
// does not know.

let target = ''
let losesAnswers = false
const proxy = createServer(async (request, response) => {
  const { method = 'GET', url = '', headers } = request
  const body = Buffer.concat(await request.toArray())
  const answer = await fetch(target + url, {
    method,
    headers: Object.entries(headers).filter(([name]) => !['host', 'connection', 'content-length'].includes(name)) as [
      string,
      string,
    ][],
    ...(body.length > 0 && { body }),
  }).catch(() => undefined)
  if (!answer) return response.destroy()
  if (losesAnswers && method !== 'GET') return response.destroy()
  response.writeHead(answer.status, { 'content-type': answer.headers.get('content-type') ?? 'text/plain' })
  response.end(Buffer.from(await answer.arrayBuffer()))
})
await new Promise<void>((done) => proxy.listen(0, '127.0.0.1', done))
t.teardown(() => proxy.close())
const rekey = await startRekey(t, {
  gatewayEnv: { REKEY_PASSWORD_SERVICE_URL: `http://127.0.0.1:${(proxy.address() as AddressInfo).port}` },
})
target = rekey.passwordServiceUrl

const password = 'correct horse battery staple'
const newCustomer = () => createCustomer(rekey.postgres.url)

t.test('a change whose answer is lost says that either password may work, and which to try first', async (t) => {
  const customer = await newCustomer()
  const { visitor } = await signInToAccount(rekey, customer)
  const page = await untilNewPassword(rekey, customer, visitor)
  const { action, fields } = visitor.formOf(page, '/new')
  const input = { ...fields, current: customer.password, password }
  losesAnswers = true
  const lost = await visitor.post(action, input)
  losesAnswers = false
  t.equal(titleOf(lost), 'Choose a new password')
  t.equal(
    problemOf(lost),
    'No answer came in time. Your new password may be set already. Enter both passwords once more to find out.',
  )
  const { fields: next } = visitor.formOf(lost, '/new')
  const again = await visitor.post(action, { ...next, current: customer.password, password })
  t.equal(titleOf(again), 'Check which password works')
  t.match(again.text, 'Try to sign in with the new one. If that fails, use the old one.')
  t.ok(await signsIn(rekey, customer, password))
})

t.test('a change that was lost on its way can be sent again', async (t) => {
  const customer = await newCustomer()
  const { visitor } = await signInToAccount(rekey, customer)
  const page = await untilNewPassword(rekey, customer, visitor)
  const { action, fields } = visitor.formOf(page, '/new')
  target = 'http://127.0.0.1:1'
  const lost = await visitor.post(action, { ...fields, current: customer.password, password })
  target = rekey.passwordServiceUrl
  t.match(problemOf(lost), 'may be set already')
  const done = await visitor.submit(lost, { current: customer.password, password }, '/new')
  t.equal(titleOf(done), 'Your password is changed')
})

t.test('S25: after a change whose answer is lost, an expired page does not say that nothing has changed', async (t) => {
  const customer = await newCustomer()
  const { visitor } = await signInToAccount(rekey, customer)
  const page = await untilNewPassword(rekey, customer, visitor)
  const { action, fields } = visitor.formOf(page, '/new')
  losesAnswers = true
  await visitor.post(action, { ...fields, current: customer.password, password })
  losesAnswers = false
  rekey.clock.advance(11 * 60_000)
  t.equal(titleOf(await visitor.open('/account/password/ended')), 'Check which password works')
})

t.test('a restore whose answer is lost says to try the new password, and then to start again', async (t) => {
  const customer = await newCustomer()
  const visitor = createVisitor(rekey.http)
  const page = await visitor.proveCode(rekey.inbox, customer.email)
  const { action, fields } = visitor.formOf(page, '/password')
  losesAnswers = true
  const lost = await visitor.post(action, { ...fields, password })
  losesAnswers = false
  t.equal(
    problemOf(lost),
    'No answer came in time. Your new password may be set already. Enter it once more to find out.',
  )
  const again = await visitor.post(action, { ...visitor.formOf(lost, '/password').fields, password })
  t.equal(titleOf(again), 'Check whether your new password works')
  t.match(again.text, 'Try to sign in with it. If that fails, start again.')
  t.ok(await signsIn(rekey, customer, password))
})

t.test('recovery codes whose answer is lost are made again, and an app that was added is in the list', async (t) => {
  const { visitor, page } = await listByEmail(rekey, await newCustomer())
  const issue = await visitor.submit(page, {}, '/issue')
  const { action, fields } = visitor.formOf(issue, '/codes')
  losesAnswers = true
  const lost = await visitor.post(action, fields)
  losesAnswers = false
  t.match(problemOf(lost), 'We cannot do this at the moment.')
  const again = await visitor.submit(lost, {}, '/codes')
  t.match(again.text, 'New recovery codes were made, but we could not show them.')
  t.match(again.text, '10 codes are left')

  const second = await listByEmail(rekey, await newCustomer())
  const name = await second.visitor.submit(second.page, {}, '/add')
  const app = await second.visitor.submit(name, { label: 'My phone' }, '/name')
  const confirm = second.visitor.formOf(app, '/app')
  const code = nextCode(rekey, secretOf(app))
  losesAnswers = true
  const lostApp = await second.visitor.post(confirm.action, { ...confirm.fields, code })
  losesAnswers = false
  t.match(problemOf(lostApp), 'We cannot do this at the moment.')
  const known = await second.visitor.submit(lostApp, { code: nextCode(rekey, secretOf(app)) }, '/app')
  t.match(known.text, 'It may have been done before: check the list.')
  t.match(known.text, '<bdi>My phone</bdi>')
})
