import { toKeys } from '@rekey/platform/keys'
import { seal, unseal } from '@rekey/platform/seal'
import { createCustomer } from '@rekey/test-support/customers'
import { race, restoreGrant, signInTokens } from '@rekey/test-support/flows'
import { startRekey } from '@rekey/test-support/rekey'
import { Redis } from 'ioredis'
import { decodeJwt, decodeProtectedHeader } from 'jose'
import t from 'tap'
import { registry, webApp, webAppRedirect } from '../clients/registry.fixture.ts'
import { createSessionClient, invalidGrant } from './sessions.fixture.ts'

const rekey = await startRekey(t, { env: registry(t) })
const { http } = rekey
const newCustomer = () => createCustomer(rekey.postgres.url)
const { history, refresh, isEndedEverywhere, isActive, eventsOf } = createSessionClient(rekey)

t.test('A5 a refresh token is traded for new tokens of the same session, and reveals nothing', async (t) => {
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
  await isActive(t, second.body.access_token, 'the new access token')
  await isActive(t, first.access_token, 'the old access token, until it expires')
})

t.test('S26: a reused refresh token ends the session everywhere, and is published once', async (t) => {
  const customer = await newCustomer()
  const first = await signInTokens(rekey, customer)
  const second = await refresh(first.refresh_token)
  t.match(await refresh(first.refresh_token), invalidGrant)
  t.match(await refresh(second.body.refresh_token), invalidGrant, 'the latest refresh token')
  t.match(await refresh(first.refresh_token), invalidGrant)
  await isEndedEverywhere(t, first.access_token)
  await isEndedEverywhere(t, second.body.access_token)
  const { sid } = decodeJwt(first.access_token)
  const events = await eventsOf('auth.session.revoked', customer.code)
  t.same(events, [{ sessionId: sid, subject: customer.code, clientId: 'ib_localhost', reason: 'refresh_token_reused' }])
  const other = await signInTokens(rekey, customer)
  await isActive(t, other.access_token, 'another session of the same customer')
})

// A client that repeats a request cannot be told from a thief, so both end the session: a client must send one refresh
// at a time, and sign in again after a lost answer.
t.test('S26: of fifty parallel refreshes one succeeds, and the session ends', async (t) => {
  const customer = await newCustomer()
  const first = await signInTokens(rekey, customer)
  const answers = await race(50, () => refresh(first.refresh_token))
  const winners = answers.filter(({ status }) => status === 200)
  t.equal(winners.length, 1)
  for (const loser of answers.filter(({ status }) => status !== 200)) t.match(loser, invalidGrant)
  t.match(await refresh(winners[0]?.body.refresh_token), invalidGrant)
  t.equal((await eventsOf('auth.session.revoked', customer.code)).length, 1)
})

t.test('RFC 6749 §6: a refresh may narrow the scope, never widen it, and a refusal spends nothing', async (t) => {
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
  t.equal(claims.purpose, undefined, 'the token is no grant')
  t.equal((await history(narrow.body.access_token)).status, 403)
  const wide = await refresh(narrow.body.refresh_token)
  t.equal(wide.body.scope, scope, 'the session keeps its scope')
})

t.test('S40: a refresh token of the version before is served, with the rights of a sign-in at most', async (t) => {
  const keys = toKeys(rekey.gatewayConfig.REKEY_REFRESH_KEY)
  const redis = new Redis(rekey.redis.url)
  t.teardown(() => redis.disconnect())
  /** A sign-in whose refresh token has no facts, and the key of its session. */
  const olderSignIn = async () => {
    const customer = await newCustomer()
    const { refresh_token } = await signInTokens(rekey, customer)
    const { session: _, ...older } = await unseal<{ session: object; sessionId: string }>(
      keys,
      'refresh_token',
      refresh_token,
    )
    return {
      token: seal(keys, 'refresh_token', older),
      key: `rekey:{${customer.code}}:session:${older.sessionId}`,
    }
  }
  const plain = await olderSignIn()
  const served = await refresh(plain.token)
  t.match(served, { status: 200, body: { scope: 'CUSTOMER:FULL' } })
  t.equal((await refresh(served.body.refresh_token)).status, 200, 'the next token has the facts')

  const changed = await olderSignIn()
  await redis.hset(changed.key, { scope: 'REST:FULL' })
  t.match(await refresh(changed.token), { status: 400, body: { error: 'invalid_scope' } })
  await redis.hset(changed.key, { scope: 'CUSTOMER:FULL', endsAt: '99999999999999' })
  const { body } = await refresh(changed.token)
  const { session } = await unseal<{ session: { endsAt: number } }>(keys, 'refresh_token', String(body.refresh_token))
  t.ok(session.endsAt <= rekey.clock.now().getTime() + 12 * 3_600_000, 'the end is bounded')
})

t.test('only its own client can use a refresh token, and a confidential client must authenticate', async (t) => {
  const customer = await newCustomer()
  const { refresh_token } = await signInTokens(rekey, customer)
  const invalidClient = { status: 401, body: { error: 'invalid_client' } }
  t.match(await refresh(refresh_token, { client_id: 'another_app' }), invalidGrant)
  t.match(await refresh(refresh_token, webApp), invalidGrant)
  t.match(await refresh(refresh_token, { client_id: 'ib_localhost', client_secret: 'x' }), invalidClient)
  t.equal((await refresh(refresh_token, { client_id: 'ib_localhost' })).status, 200, 'the refusals did not spend it')

  const request = { client_id: webApp.client_id, redirect_uri: webAppRedirect }
  const webAppToken = (await signInTokens(rekey, customer, request, webApp)).refresh_token
  t.match(await refresh(webAppToken), invalidClient)
  t.match(await refresh(webAppToken, { client_id: webApp.client_id }), invalidClient)
  t.match(await refresh(webAppToken, { ...webApp, client_secret: 'wrong' }), invalidClient)
  t.match(await refresh(webAppToken, { client_id: 'ib_localhost' }), invalidGrant)
  const basic = [webApp.client_id, webApp.client_secret].map((part) =>
    new URLSearchParams([['', part]]).toString().slice(1),
  )
  const authorization = `Basic ${btoa(basic.join(':'))}`
  const renewed = await http.post(
    '/oauth/v2/token',
    { grant_type: 'refresh_token', refresh_token: webAppToken },
    { authorization },
  )
  t.equal(renewed.status, 200)
  t.equal((await refresh(renewed.body.refresh_token, webApp)).status, 200)
})

t.test('any invalid refresh token gets the same answer', async (t) => {
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
