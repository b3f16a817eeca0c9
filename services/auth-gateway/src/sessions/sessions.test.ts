import { createCustomer, type TestCustomer } from '@rekey/test-support/customers'
import {
  askLogin,
  askRestore,
  change,
  changeGrant,
  restore,
  restoreGrant,
  signInTokens,
  verificationBody,
} from '@rekey/test-support/flows'
import { startRekey } from '@rekey/test-support/rekey'
import { decodeJwt } from 'jose'
import t from 'tap'
import { registry } from '../clients/registry.fixture.ts'
import { createSessionClient, invalidGrant } from './sessions.fixture.ts'

const rekey = await startRekey(t, { env: registry(t) })
const { http } = rekey
const newCustomer = () => createCustomer(rekey.postgres.url)
const { history, openChange, refresh, isEndedEverywhere, isActive, eventsOf } = createSessionClient(rekey)

t.test('a sign-in is published before its tokens are sent, with its session', async (t) => {
  const customer = await newCustomer()
  const { access_token } = await signInTokens(rekey, customer)
  const { sid } = decodeJwt(access_token)
  t.match(await eventsOf('auth.login.succeeded', customer.code), [{ sessionId: sid, sessionEpoch: 0 }])
})

t.test('S20: no token of a restore signs a customer in', async (t) => {
  const customer = await newCustomer()
  for (const responseType of ['access_token', 'sign_token'] as const) {
    const { answer, confirmation } = await askRestore(rekey, customer.email)
    const verified = await http.post(
      '/oauth/v2/passwordRestoreVerification',
      verificationBody(answer.body.mfa_token, confirmation, { response_type: responseType }),
    )
    t.notOk('refresh_token' in verified.body)
    const token = String(verified.body[responseType])
    t.match(await refresh(token), invalidGrant)
    for (const request of [history, openChange]) {
      const { status } = await request(token)
      t.ok(status === 401 || status === 403, `${responseType}: ${status}`)
    }
    t.equal((await restore(rekey, token, 'a restored password')).status, 204)
    // Setting the password must not widen what the token may do.
    t.equal((await openChange(token)).status === 200, false)
  }
  const { access_token } = await signInTokens(rekey, { ...customer, password: 'a restored password' })
  await isActive(t, access_token, 'a sign-in with the new password')
})

const twoSessions = async (customer: TestCustomer) => ({
  one: await signInTokens(rekey, customer),
  two: await signInTokens(rekey, customer),
})

t.test('S21: a restore ends every session and refresh token', async (t) => {
  const customer = await newCustomer()
  const { one, two } = await twoSessions(customer)
  t.equal((await restore(rekey, await restoreGrant(rekey, customer), 'a new password')).status, 204)
  for (const { access_token } of [one, two]) await isEndedEverywhere(t, access_token)
  for (const { refresh_token } of [one, two]) t.match(await refresh(refresh_token), invalidGrant)
  const after = await signInTokens(rekey, { ...customer, password: 'a new password' })
  await isActive(t, after.access_token, 'a sign-in after it')
  t.equal((await refresh(after.refresh_token)).status, 200)
})

t.test('S21: a change ends every session except the one that made it', async (t) => {
  const customer = await newCustomer()
  const { one, two } = await twoSessions(customer)
  const grant = await changeGrant(rekey, customer, one.access_token)
  t.equal((await change(rekey, one.access_token, grant, 'a new password')).status, 204)
  await isEndedEverywhere(t, two.access_token)
  t.match(await refresh(two.refresh_token), invalidGrant)
  await isActive(t, one.access_token, 'the session that made it')
  const renewed = await refresh(one.refresh_token)
  t.equal(renewed.status, 200)
  await isActive(t, renewed.body.access_token, 'the same session, refreshed')
  const again = await changeGrant(rekey, customer, String(renewed.body.access_token))
  t.equal((await change(rekey, String(renewed.body.access_token), again, 'a newer password')).status, 204)
  t.equal((await refresh(renewed.body.refresh_token)).status, 200, 'the session, after its second change')
})

t.test('S21: a sign-in whose password was verified before a restore is refused after it', async (t) => {
  const customer = await newCustomer()
  const early = await signInTokens(rekey, customer)
  const { answer, confirmation } = await askLogin(rekey, customer)
  t.equal((await restore(rekey, await restoreGrant(rekey, customer), 'a new password')).status, 204)
  await isEndedEverywhere(t, early.access_token)
  const late = { grant_type: 'mfa_oob', mfa_token: answer.body.mfa_token, code: confirmation }
  t.match(await http.post('/oauth/v2/token', late), invalidGrant)
})

t.test('S26: a session expires however often it is refreshed, and no token of it lives longer', async (t) => {
  const customer = await newCustomer()
  const first = await signInTokens(rekey, customer)
  rekey.clock.advance(11.5 * 3_600_000)
  const late = await refresh(first.refresh_token)
  t.equal(late.status, 200)
  const { expires_in } = late.body as { expires_in: number }
  t.ok(expires_in <= 1_800 && expires_in > 1_700, `${expires_in} s`)
  rekey.clock.advance(30 * 60_000)
  t.match(await refresh(late.body.refresh_token), invalidGrant)
  t.equal((await history(late.body.access_token)).status, 401)
})
