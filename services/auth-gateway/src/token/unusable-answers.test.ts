import { readFileSync, writeFileSync } from 'node:fs'
import { createCustomer } from '@rekey/test-support/customers'
import { eventually } from '@rekey/test-support/eventually'
import {
  askLogin,
  askRestore,
  backOfficeToken,
  codeVerifier,
  loginBody,
  pkce,
  restoreBody,
  state,
  verificationBody,
} from '@rekey/test-support/flows'
import type { Answer } from '@rekey/test-support/http'
import { startRekey } from '@rekey/test-support/rekey'
import t, { type Test } from 'tap'
import { registry, restoreOnly, webApp, webAppRedirect } from '../clients/registry.fixture.ts'

// An answer that its client could not use is refused before the confirmation code is spent.
const env = registry(t)
const rekey = await startRekey(t, { env })
const { http } = rekey

const newCustomer = () => createCustomer(rekey.postgres.url)
const refused = (t: Test, answer: Answer, error: string, description: string | RegExp, what: string) => {
  t.match({ status: answer.status, body: answer.body }, { status: 400, body: { error } }, what)
  t.match(answer.body.error_description, description, what)
}

/** A1, and A2 with its code. */
const restoreOf = async (inRequest: object = {}) => {
  const { answer, confirmation } = await askRestore(rekey, (await newCustomer()).email, inRequest)
  return (other: object = {}) =>
    http.post(
      '/oauth/v2/passwordRestoreVerification',
      verificationBody(answer.body.mfa_token, confirmation, { response_type: 'code', ...other }),
    )
}

const otherChallenge = { ...pkce, code_challenge: 'A'.repeat(43) }

t.test('S26: A2 refuses an authorization code that could not be redeemed, and the code stays valid', async (t) => {
  const cases: [what: string, inRequest: object, unusable: object, field: string, usable: object][] = [
    ['a public client without PKCE', {}, {}, 'code_challenge', pkce],
    ['an empty challenge', {}, { code_challenge: '', code_challenge_method: '' }, 'code_challenge', pkce],
    ['another challenge than in A1', pkce, otherChallenge, 'code_challenge', {}],
    ['another redirect URI than in A1', pkce, { redirect_uri: 'http://localhost/a' }, 'redirect_uri', {}],
    ['a method alone', {}, { code_challenge_method: 'S256' }, 'code_challenge', pkce],
    ['a challenge without a method', {}, { code_challenge: pkce.code_challenge }, 'code_challenge_method', pkce],
  ]
  for (const [what, inRequest, unusable, field, usable] of cases) {
    const verify = await restoreOf(inRequest)
    // More often than wrong codes are allowed: none of these is counted.
    for (let time = 0; time < 6; time += 1) refused(t, await verify(unusable), 'invalid_request', field, what)
    const { body } = await verify({ redirect_uri: 'http://localhost/', ...usable })
    const exchange = { grant_type: 'authorization_code', client_id: 'ib_localhost', code: body.code }
    const redeemed = { ...exchange, redirect_uri: body.redirect_uri, code_verifier: codeVerifier }
    t.equal((await http.post('/oauth/v2/token', redeemed)).status, 200, what)
  }
})

t.test('A2 needs no PKCE of a confidential client, nor for a token', async (t) => {
  const asWebApp = await restoreOf({ ...webApp, redirect_uri: webAppRedirect })
  t.equal((await asWebApp(webApp)).status, 200)
  for (const response_type of ['access_token', 'sign_token']) {
    const verify = await restoreOf()
    t.equal((await verify({ response_type, redirect_uri: 'http://elsewhere' })).status, 200, 'redirect_uri is ignored')
  }
})

t.test('A2 and A5 refuse another scope than the request’s before the code is spent', async (t) => {
  const verify = await restoreOf(pkce)
  for (let time = 0; time < 6; time += 1) {
    refused(t, await verify({ scope: 'CUSTOMER:FULL' }), 'invalid_scope', 'Invalid scope.', 'A2')
  }
  t.equal((await verify({ scope: 'CUSTOMER:PASSWORD:RESTORE CUSTOMER:PASSWORD:RESTORE' })).status, 200)

  const scope = 'CUSTOMER:PASSWORD:CHANGE CUSTOMER:FULL'
  const { answer, confirmation } = await askLogin(rekey, await newCustomer(), { scope })
  const token = (other: object) =>
    http.post('/oauth/v2/token', {
      grant_type: 'mfa_oob',
      mfa_token: answer.body.mfa_token,
      code: confirmation,
      ...other,
    })
  for (const other of ['CUSTOMER:FULL', 'REST:FULL', 'CUSTOMER:FULL CUSTOMER:PASSWORD:RESTORE']) {
    refused(t, await token({ scope: other }), 'invalid_scope', 'Invalid scope.', other)
  }
  const granted = await token({ scope: 'CUSTOMER:FULL CUSTOMER:PASSWORD:CHANGE' })
  t.match(granted, { status: 200, body: { scope: 'CUSTOMER:FULL CUSTOMER:PASSWORD:CHANGE' } }, 'in another order')
})

t.test('a scope that is named twice is granted once, so that its token is a grant', async (t) => {
  const verify = await restoreOf({ scope: 'CUSTOMER:PASSWORD:RESTORE CUSTOMER:PASSWORD:RESTORE' })
  const { body } = await verify({ response_type: 'access_token' })
  t.match(body, { scope: 'CUSTOMER:PASSWORD:RESTORE', expires_in: 600 })
})

t.test('A5 refuses a confidential client that did not authenticate before the code is spent', async (t) => {
  const own = { ...webApp, redirect_uri: webAppRedirect }
  const { answer, confirmation } = await askLogin(rekey, await newCustomer(), own)
  const body = { grant_type: 'mfa_oob', mfa_token: answer.body.mfa_token, code: confirmation }
  for (let time = 0; time < 6; time += 1) {
    t.match(await http.post('/oauth/v2/token', body), { status: 401, body: { error: 'invalid_client' } })
  }
  t.equal((await http.post('/oauth/v2/token', { ...body, ...webApp })).status, 200)
})

t.test('A4 refuses a client that may not change the password that must be changed', async (t) => {
  const customer = await newCustomer()
  const staff = { authorization: `Bearer ${await backOfficeToken(rekey)}`, 'content-type': 'application/json' }
  const set = JSON.stringify({ password: 'Set by staff', send_mail: true })
  t.equal((await http.send('PUT', `/api/v2/clients/${customer.id}/password`, staff, set)).status, 204)
  const login = (other: object) =>
    eventually(async () => {
      const answer = await http.post('/oauth/v2/login', loginBody({ ...customer, password: 'Set by staff' }, other))
      return answer.status === 503 ? undefined : answer
    })
  refused(t, await login(restoreOnly), 'invalid_scope', 'Invalid scope.', 'a client without the scope')
  // The scope of A4 is accepted at A5 too, though the token has the narrower one.
  const { answer, confirmation } = await askLogin(rekey, { ...customer, password: 'Set by staff' })
  const body = { grant_type: 'mfa_oob', mfa_token: answer.body.mfa_token, code: confirmation, state }
  const token = await http.post('/oauth/v2/token', { ...body, scope: 'CUSTOMER:FULL' })
  t.match(token, { status: 200, body: { scope: 'CUSTOMER:PASSWORD:CHANGE' } })
})

t.test('A2 and A4b refuse a client that is registered no more, or without the scope', async (t) => {
  const before = readFileSync(env.REKEY_CLIENTS_FILE, 'utf8')
  const change = async (clients: object[], error: string) => {
    writeFileSync(env.REKEY_CLIENTS_FILE, JSON.stringify(clients))
    await eventually(async () => {
      const { body } = await http.post('/oauth/v2/passwordRestore', restoreBody('nobody@example.com', restoreOnly))
      return body.error === error
    })
  }
  const clients: { client_id: string }[] = JSON.parse(before)
  const others = clients.filter(({ client_id }) => client_id !== restoreOnly.client_id)
  const own = clients.filter(({ client_id }) => client_id === restoreOnly.client_id)
  const { answer, confirmation } = await askRestore(rekey, (await newCustomer()).email, restoreOnly)
  const verify = () =>
    http.post('/oauth/v2/passwordRestoreVerification', verificationBody(answer.body.mfa_token, confirmation))
  const resend = { challenge_type: 'oob:email:x', client_timezone: '-3', response_type: 'code', state }

  await change(others, 'access_denied')
  refused(t, await verify(), 'access_denied', /./, 'A2')
  const sent = await http.post('/oauth/v2/challenge', { ...resend, mfa_token: answer.body.mfa_token })
  refused(t, sent, 'access_denied', /./, 'A4b')
  await change([...others, { ...own[0], scopes: ['CUSTOMER:FULL'] }], 'invalid_scope')
  refused(t, await verify(), 'invalid_scope', 'Invalid scope.', 'A2 without the scope')
  writeFileSync(env.REKEY_CLIENTS_FILE, before)
  const verified = () => eventually(async () => ((await verify()).status === 200 ? true : undefined))
  t.ok(await verified(), 'the refusals did not spend the code')
})
