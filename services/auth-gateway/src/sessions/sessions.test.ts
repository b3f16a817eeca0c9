import { createCustomer, type TestCustomer } from '@rekey/test-support/customers'
import { eventually } from '@rekey/test-support/eventually'
import {
  askLogin,
  askRestore,
  change,
  changeGrant,
  race,
  restore,
  restoreGrant,
  signInTokens,
  verificationBody,
} from '@rekey/test-support/flows'
import { createHttp } from '@rekey/test-support/http'
import { startRekey } from '@rekey/test-support/rekey'
import { decodeJwt, decodeProtectedHeader } from 'jose'
import { connect } from 'nats'
import t, { type Test } from 'tap'
import { registry, webApp, webAppRedirect } from '../clients/registry.fixture.ts'

const rekey = await startRekey(t, { env: registry(t) })
const { http } = rekey
/** As a service inside the mesh reaches it: past the gateway. */
const passwordService = createHttp(rekey.passwordServiceUrl)

const newCustomer = () => createCustomer(rekey.postgres.url)
const bearer = (token: unknown) => ({ authorization: `Bearer ${token}` })
const history = (token: unknown, through = http) => through.get('/api/v2/my/password/changes', bearer(token))
const openChange = (token: unknown) =>
  http.get('/api/v2/my/2fa/challenge?businessProcess=changePassword', bearer(token))
const refresh = (token: unknown, other: object = {}) =>
  http.post('/oauth/v2/token', { grant_type: 'refresh_token', refresh_token: token, ...other })
const invalidGrant = { status: 400, body: { error: 'invalid_grant' } }

/** Refused at the proxy, at the gateway's own routes and at the password-service, each within a second. */
const isOverEverywhere = async (t: Test, token: unknown) => {
  const places = {
    proxy: () => history(token),
    gateway: () => openChange(token),
    'password-service': () => history(token, passwordService),
  }
  for (const [place, ask] of Object.entries(places)) {
    const what = `a refusal by the ${place}`
    await t.resolves(
      eventually(async () => (await ask()).status === 401, { timeoutMs: 1_000, what }),
      what,
    )
  }
}

const goesOn = async (t: Test, token: unknown, what: string) => {
  t.equal((await history(token)).status, 200, `${what}: through the proxy`)
  t.equal((await history(token, passwordService)).status, 200, `${what}: at the password-service`)
}

/** The data of every event of this type about this subject. */
const eventsOf = async (type: string, subject: string) => {
  const connection = await connect({ servers: rekey.nats.url })
  const jsm = await connection.jetstreamManager()
  const { state } = await jsm.streams.info('AUTH')
  const found: Record<string, unknown>[] = []
  for (let seq = state.first_seq; seq <= state.last_seq; seq += 1) {
    const message = await jsm.streams.getMessage('AUTH', { seq })
    if (message.subject === type && message.header.get('ce-subject') === subject) found.push(message.json())
  }
  await connection.close()
  return found
}

t.test('A5 a refresh token gives a new pair of the same session, and says nothing to whoever holds it', async (t) => {
  const customer = await newCustomer()
  const first = await signInTokens(rekey, customer)
  t.same(decodeProtectedHeader(first.refresh_token), { alg: 'dir', enc: 'A256GCM' })
  const second = await refresh(first.refresh_token, { state: 's' })
  t.equal(second.status, 200)
  t.equal(second.headers.get('cache-control'), 'no-store')
  t.match(second.body, { token_type: 'bearer', expires_in: 3600, scope: 'CUSTOMER:FULL', state: 's' })
  t.not(second.body.refresh_token, first.refresh_token)
  const [before, after] = [first.access_token, String(second.body.access_token)].map((token) => decodeJwt(token))
  t.equal(after?.sid, before?.sid)
  t.equal(after?.session_epoch, before?.session_epoch)
  t.not(after?.jti, before?.jti)
  await goesOn(t, second.body.access_token, 'the new access token')
  await goesOn(t, first.access_token, 'the old one, until its time is over')
})

t.test('a sign-in is told before its tokens leave, with its session', async (t) => {
  const customer = await newCustomer()
  const { access_token } = await signInTokens(rekey, customer)
  const { sid } = decodeJwt(access_token)
  t.match(await eventsOf('auth.login.succeeded', customer.code), [{ sessionId: sid, sessionEpoch: 0 }])
})

t.test('S26 a refresh token that was used before ends the session everywhere, and it is told once', async (t) => {
  const customer = await newCustomer()
  const first = await signInTokens(rekey, customer)
  const second = await refresh(first.refresh_token)
  t.match(await refresh(first.refresh_token), invalidGrant)
  t.match(await refresh(second.body.refresh_token), invalidGrant, 'also the one that nobody stole')
  t.match(await refresh(first.refresh_token), invalidGrant)
  await isOverEverywhere(t, first.access_token)
  await isOverEverywhere(t, second.body.access_token)
  const { sid } = decodeJwt(first.access_token)
  const told = await eventsOf('auth.session.revoked', customer.code)
  t.same(told, [{ sessionId: sid, subject: customer.code, clientId: 'ib_localhost', reason: 'refresh_token_reused' }])
  const other = await signInTokens(rekey, customer)
  await goesOn(t, other.access_token, 'another session of the same customer')
})

// Nothing tells a client that repeats itself from a thief, so both end the session: a client keeps one refresh in
// flight at a time, and signs in anew where an answer was lost.
t.test('S26 of fifty parallel refreshes one succeeds, and the session is over', async (t) => {
  const customer = await newCustomer()
  const first = await signInTokens(rekey, customer)
  const answers = await race(50, () => refresh(first.refresh_token))
  const winners = answers.filter(({ status }) => status === 200)
  t.equal(winners.length, 1)
  for (const loser of answers.filter(({ status }) => status !== 200)) t.match(loser, invalidGrant)
  t.match(await refresh(winners[0]?.body.refresh_token), invalidGrant)
  t.equal((await eventsOf('auth.session.revoked', customer.code)).length, 1)
})

t.test('RFC 6749 §6: the scope may be narrower, never wider, and a refusal spends nothing', async (t) => {
  const customer = await newCustomer()
  const scope = 'CUSTOMER:FULL CUSTOMER:PASSWORD:CHANGE'
  const first = await signInTokens(rekey, customer, { scope })
  for (const wider of ['REST:FULL', 'CUSTOMER:FULL CUSTOMER:PASSWORD:RESTORE']) {
    t.match(await refresh(first.refresh_token, { scope: wider }), { status: 400, body: { error: 'invalid_scope' } })
  }
  const narrow = await refresh(first.refresh_token, { scope: 'CUSTOMER:PASSWORD:CHANGE' })
  t.match(narrow, { status: 200, body: { scope: 'CUSTOMER:PASSWORD:CHANGE' } })
  const claims = decodeJwt(String(narrow.body.access_token))
  t.match(claims, { aud: ['rekey:api'], scope: 'CUSTOMER:PASSWORD:CHANGE' })
  t.equal(claims.purpose, undefined, 'it is no grant')
  t.equal((await history(narrow.body.access_token)).status, 403)
  const wide = await refresh(narrow.body.refresh_token)
  t.equal(wide.body.scope, scope, 'the session keeps what it was given')
})

t.test('a refresh token is for the client that got it, and a confidential client proves itself', async (t) => {
  const customer = await newCustomer()
  const { refresh_token } = await signInTokens(rekey, customer)
  const invalidClient = { status: 401, body: { error: 'invalid_client' } }
  t.match(await refresh(refresh_token, { client_id: 'another_app' }), invalidGrant)
  t.match(await refresh(refresh_token, webApp), invalidGrant)
  t.match(await refresh(refresh_token, { client_id: 'ib_localhost', client_secret: 'x' }), invalidClient)
  t.equal((await refresh(refresh_token, { client_id: 'ib_localhost' })).status, 200, 'none of them spent it')

  const request = { client_id: webApp.client_id, redirect_uri: webAppRedirect }
  const theirs = (await signInTokens(rekey, customer, request, webApp)).refresh_token
  t.match(await refresh(theirs), invalidClient)
  t.match(await refresh(theirs, { client_id: webApp.client_id }), invalidClient)
  t.match(await refresh(theirs, { ...webApp, client_secret: 'wrong' }), invalidClient)
  t.match(await refresh(theirs, { client_id: 'ib_localhost' }), invalidGrant)
  const basic = [webApp.client_id, webApp.client_secret].map((part) =>
    new URLSearchParams([['', part]]).toString().slice(1),
  )
  const authorization = `Basic ${btoa(basic.join(':'))}`
  const renewed = await http.post(
    '/oauth/v2/token',
    { grant_type: 'refresh_token', refresh_token: theirs },
    { authorization },
  )
  t.equal(renewed.status, 200)
  t.equal((await refresh(renewed.body.refresh_token, webApp)).status, 200)
})

t.test('what is no refresh token of ours is refused in the same words', async (t) => {
  const customer = await newCustomer()
  const { access_token, refresh_token } = await signInTokens(rekey, customer)
  const used = await signInTokens(rekey, customer)
  await refresh(used.refresh_token)
  const { text } = await refresh(used.refresh_token)
  for (const token of ['x', access_token, `${refresh_token.slice(0, -2)}AA`, await restoreGrant(rekey, customer)]) {
    const answer = await refresh(token)
    t.match(answer, invalidGrant)
    t.equal(answer.text, text)
  }
  t.match(await refresh(undefined), { status: 400, body: { error_description: 'refresh_token is missing.' } })
})

t.test('S20 nothing that comes out of a restore signs anyone in', async (t) => {
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
    for (const open of [history, openChange]) {
      const { status } = await open(token)
      t.ok(status === 401 || status === 403, `${responseType}: ${status}`)
    }
    t.equal((await restore(rekey, token, 'a restored password')).status, 204)
    // Once the password is set, the token is of no more use than before.
    t.equal((await openChange(token)).status === 200, false)
  }
  const { access_token } = await signInTokens(rekey, { ...customer, password: 'a restored password' })
  await goesOn(t, access_token, 'a sign-in with the new password')
})

const twoSessions = async (customer: TestCustomer) => ({
  one: await signInTokens(rekey, customer),
  two: await signInTokens(rekey, customer),
})

t.test('S21 a restore ends every session within a second, refresh tokens too', async (t) => {
  const customer = await newCustomer()
  const { one, two } = await twoSessions(customer)
  t.equal((await restore(rekey, await restoreGrant(rekey, customer), 'a new password')).status, 204)
  for (const { access_token } of [one, two]) await isOverEverywhere(t, access_token)
  for (const { refresh_token } of [one, two]) t.match(await refresh(refresh_token), invalidGrant)
  const after = await signInTokens(rekey, { ...customer, password: 'a new password' })
  await goesOn(t, after.access_token, 'a sign-in after it')
  t.equal((await refresh(after.refresh_token)).status, 200)
})

t.test('S21 a change ends every session but the one that made it', async (t) => {
  const customer = await newCustomer()
  const { one, two } = await twoSessions(customer)
  const grant = await changeGrant(rekey, customer, one.access_token)
  t.equal((await change(rekey, one.access_token, grant, 'a new password')).status, 204)
  await isOverEverywhere(t, two.access_token)
  t.match(await refresh(two.refresh_token), invalidGrant)
  await goesOn(t, one.access_token, 'the session that made it')
  const renewed = await refresh(one.refresh_token)
  t.equal(renewed.status, 200)
  await goesOn(t, renewed.body.access_token, 'the same session, refreshed')
  const again = await changeGrant(rekey, customer, String(renewed.body.access_token))
  t.equal((await change(rekey, String(renewed.body.access_token), again, 'a newer password')).status, 204)
  t.equal((await refresh(renewed.body.refresh_token)).status, 200, 'also after a second change of its own')
})

t.test('S21 a sign-in whose password was proven before it was restored does not come through after', async (t) => {
  const customer = await newCustomer()
  const early = await signInTokens(rekey, customer)
  const { answer, confirmation } = await askLogin(rekey, customer)
  t.equal((await restore(rekey, await restoreGrant(rekey, customer), 'a new password')).status, 204)
  await isOverEverywhere(t, early.access_token)
  const late = { grant_type: 'mfa_oob', mfa_token: answer.body.mfa_token, code: confirmation }
  t.match(await http.post('/oauth/v2/token', late), invalidGrant)
})

t.test('S26 a session ends at its time, however often it is refreshed, and no token of it lives longer', async (t) => {
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
