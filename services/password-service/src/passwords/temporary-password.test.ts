import { hash as argon2 } from '@node-rs/argon2'
import { LoginSucceeded, PasswordVerify, scopes } from '@rekey/contracts'
import { systemRandom } from '@rekey/platform/random'
import { callRpc } from '@rekey/platform/rpc'
import { eventually } from '@rekey/test-support/eventually'
import { startPasswordService } from '@rekey/test-support/password-service'
import t from 'tap'
import { makeTemporaryPassword } from './temporary-password.ts'

const service = await startPasswordService(t)
const { http, bearer, grant, query, clock } = service
type Customer = Awaited<ReturnType<typeof service.customer>>

const temporary = 'a temporary one'
const temporaryHash = await argon2(temporary)
const customerWithTemporary = () =>
  service.customer({ hash: temporaryHash, temporaryUntil: new Date(clock.now().getTime() + 86_400_000) })
const verify = ({ addresses: [username = ''] }: Customer, password = temporary) =>
  callRpc(service.broker, PasswordVerify, { username, password })

/** Publishes the event of a sign-in. @returns its session */
const signIn = async ({ code }: Customer, sessionEpoch = 0, id: string = systemRandom.id()) => {
  const sessionId = systemRandom.id()
  const data = { customer: code, clientId: 'ib_localhost', ip: '203.0.113.7', sessionId, sessionEpoch }
  await service.publisher.publish(LoginSucceeded, { id, subject: code, data })
  return {
    authorization: bearer(code, scopes.change, { sid: sessionId, session_epoch: sessionEpoch }),
    grant: () => grant('change', code, { sid: sessionId, session_epoch: sessionEpoch }),
  }
}
/** Waits until every sign-in event has been handled. */
const everythingHandled = () =>
  eventually(async () => {
    const jsm = await (await service.broker.connected()).jetstreamManager()
    const consumer = await jsm.consumers.info('AUTH', 'password-service-auth-login-succeeded')
    return consumer.num_pending === 0 && consumer.num_ack_pending === 0
  })
const usedUp = (customer: Customer) => eventually(async () => !(await verify(customer)).verified)

t.test('a temporary password works for one sign-in, which can change it', async (t) => {
  const customer = await customerWithTemporary()
  t.match(await verify(customer), { verified: true, mustChange: true })
  const session = await signIn(customer)
  await usedUp(customer)

  const headers = { authorization: session.authorization, successToken: session.grant() }
  const change = (password: string) => http.post('/api/v2/my/password/change', { password }, headers)
  const kept = await change(temporary)
  t.equal(kept.status, 422, 'it cannot be kept as the new one')
  t.match(kept.body, { errors: [{ field: 'password', code: 'temporary' }] })
  t.equal((await change('one of my own')).status, 204)
  t.match(await verify(customer, 'one of my own'), { verified: true, mustChange: false })
  t.match(service.logged('authn_temporary_password_used').at(-1), { customer: customer.code, severity: 'info' })
})

t.test('of two concurrent sign-ins with a temporary password one session stays', async (t) => {
  const customer = await customerWithTemporary()
  const sessions = await Promise.all([signIn(customer), signIn(customer)])
  await usedUp(customer)
  await everythingHandled()
  const statuses = []
  for (const { authorization, grant } of sessions) {
    const headers = { authorization, successToken: grant() }
    statuses.push((await http.post('/api/v2/my/password/change', { password: 'short' }, headers)).status)
  }
  t.same(statuses.sort(), [401, 422], 'one session ended, the other reaches the policy')
})

t.test('a duplicate or late sign-in event does not end a newer temporary password', async (t) => {
  const customer = await customerWithTemporary()
  await signIn(customer)
  await usedUp(customer)
  const set = await http.send(
    'PUT',
    `/api/v2/clients/${customer.id}/password`,
    { 'content-type': 'application/json', authorization: bearer('backend_fin', scopes.backOffice) },
    JSON.stringify({ password: 'a newer temporary one', send_mail: true }),
  )
  t.equal(set.status, 204)
  await signIn(customer)
  await everythingHandled()
  t.match(await verify(customer, 'a newer temporary one'), { verified: true, mustChange: true })
})

t.test('a password that is not temporary survives sign-ins, also if it must be changed', async (t) => {
  const usual = await service.customer({ hash: temporaryHash })
  const mustChange = await service.customer({ hash: temporaryHash })
  await query('UPDATE credential SET must_change = true WHERE customer_id = $1', [mustChange.id])
  await Promise.all([signIn(usual), signIn(mustChange), signIn(usual), signIn(mustChange)])
  await everythingHandled()
  t.match(await verify(usual), { verified: true, mustChange: false, sessionEpoch: 0 })
  t.match(await verify(mustChange), { verified: true, mustChange: true, sessionEpoch: 0 })
  const kept = await http.post(
    '/api/v2/my/password/change',
    { password: temporary },
    { authorization: bearer(mustChange.code), successToken: grant('change', mustChange.code) },
  )
  t.match(kept, { status: 422, body: { errors: [{ field: 'password', code: 'not_new' }] } })
})

t.test('temporary passwords are random and without characters that look alike', (t) => {
  const made = Array.from({ length: 2_000 }, () => makeTemporaryPassword(systemRandom, 8))
  t.equal(new Set(made).size, made.length)
  t.ok(made.every((password) => /^[a-hjkmnp-z2-9]{16}$/.test(password)))
  const counts = new Map<string, number>()
  for (const character of made.join('')) counts.set(character, (counts.get(character) ?? 0) + 1)
  t.equal(counts.size, 31)
  const expected = (made.length * 16) / 31
  for (const [character, count] of counts) t.ok(Math.abs(count - expected) < expected / 4, `${character}: ${count}`)
  t.equal(makeTemporaryPassword(systemRandom, 64).length, 64)
  t.end()
})
