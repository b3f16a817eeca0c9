import { createCustomer } from '@rekey/test-support/customers'
import { eventually } from '@rekey/test-support/eventually'
import {
  backOfficeToken,
  loginBody,
  race,
  reportLinkOf,
  restore,
  restoreGrant,
  signIn,
} from '@rekey/test-support/flows'
import { patiently } from '@rekey/test-support/patiently'
import { startRekey } from '@rekey/test-support/rekey'
import { createVisitor, type Form, formsOf, problemOf, titleOf } from '@rekey/test-support/visitor'
import t from 'tap'

const rekey = await startRekey(t)
const { http, inbox, clock } = rekey
const visitor = createVisitor(http)

/** A customer whose password was restored, and the link in the notification. */
const notified = async () => {
  const customer = { ...(await createCustomer(rekey.postgres.url)), password: 'Qwerty-12345' }
  const grant = await restoreGrant(rekey, customer)
  await patiently(() => restore(rekey, grant, customer.password))
  const link = await eventually(
    async () => (await inbox.messagesTo(customer.email)).flatMap((message) => reportLinkOf(message) ?? [])[0],
    { what: 'the notification' },
  )
  return { customer, link, path: new URL(link).pathname }
}

const signInStatus = async (customer: { email: string; password: string }) =>
  (await http.post('/oauth/v2/login', loginBody(customer))).status

t.test('the link of a notification opens a page, and only its button blocks the account', async (t) => {
  const { customer, link, path } = await notified()
  t.match(link.replace(rekey.url, ''), /^\/n\/[\w-]{22}$/, 'S32 the link has the configured origin')
  const authorization = `Bearer ${await signIn(rekey, customer)}`
  const historyStatus = async () => (await http.get('/api/v2/my/password/changes', { authorization })).status

  for (const method of ['GET', 'GET', 'HEAD']) t.equal((await http.send(method, path)).status, 303)
  t.equal(await historyStatus(), 200, 'opening the page has no effect')

  const page = await visitor.open(path)
  t.equal(titleOf(page), 'Was this not you?')
  t.match(page.text, 'until you have spoken with Rekey')
  const done = await visitor.submit(page)
  t.equal(done.status, 200)
  t.equal(titleOf(done), 'Your account is blocked')
  t.equal(await historyStatus(), 401, 'S21 signed out')
  t.equal(await signInStatus(customer), 400, 'no sign-in')
  t.equal(titleOf(await visitor.submit(page)), 'This link was already used')

  const lifted = await http.send('DELETE', `/api/v2/clients/${customer.id}/block`, {
    authorization: `Bearer ${await backOfficeToken(rekey)}`,
  })
  t.equal(lifted.status, 204)
  t.equal(await signInStatus(customer), 200)
  t.equal(await historyStatus(), 401, 'the old session stays ended')
})

t.test('a restore that was open when the account was blocked is refused', async (t) => {
  const { customer, path } = await notified()
  const grant = await restoreGrant(rekey, customer)
  await visitor.submit(await visitor.open(path))
  t.equal((await restore(rekey, grant, 'another-password')).status, 403)
})

t.test('parallel reports block the account once', async (t) => {
  const { path } = await notified()
  const page = await visitor.open(path)
  const titles = (await race(10, () => visitor.submit(page))).map(titleOf)
  t.equal(titles.filter((title) => title === 'Your account is blocked').length, 1)
  t.equal(titles.filter((title) => title === 'This link was already used').length, 9)
})

t.test('a link expires after seven days', async (t) => {
  const { customer, path } = await notified()
  clock.advance(7 * 24 * 3_600_000 + 1_000)
  const late = await visitor.submit(await visitor.open(path))
  t.equal(late.status, 400)
  t.equal(titleOf(late), 'This link has expired')
  t.equal(await signInStatus(customer), 200)
})

t.test('a truncated or forged link is refused', async (t) => {
  const { path } = await notified()
  const otherCase = path.replace(/[a-z]/g, (letter, at: number) => (at > 2 ? letter.toUpperCase() : letter))
  for (const bad of [path.slice(0, -3), '/not-me?token=x', '/not-me?token=....', `${path}x`, otherCase]) {
    const answer = await visitor.submit(await visitor.open(bad))
    t.equal(answer.status, 400)
    t.equal(titleOf(answer), 'This link is not valid')
  }
})

t.test('without the broker the page answers 503, and its button works once the broker is back', async (t) => {
  const { path } = await notified()
  const page = await visitor.open(path)
  await rekey.nats.kill()
  const press = ({ action, fields }: Form) => visitor.post(action, fields)
  const away = await press(visitor.formOf(page))
  t.equal(away.status, 503)
  t.ok(Number(away.headers.get('retry-after')) > 0)
  t.match(problemOf(away), 'could not confirm that your account is blocked')
  t.equal((await visitor.open('/restore')).status, 200)
  const first = visitor.formOf(await visitor.open('/restore'))
  const start = await press({ ...first, fields: { ...first.fields, username: 'somebody@example.com' } })
  t.equal(start.status, 503)
  t.match(problemOf(start), 'Try again')
  t.equal(formsOf(start.text)[0]?.fields.username, 'somebody@example.com')
  await rekey.nats.restart()
  await eventually(rekey.isReady, { what: 'every service to be ready' })
  const back = await eventually(
    async () => {
      const answer = await press(visitor.formOf(away))
      return answer.status === 200 ? answer : undefined
    },
    { what: 'the report to be accepted' },
  )
  t.match(titleOf(back), /^(Your account is blocked|This link was already used)$/)
})
