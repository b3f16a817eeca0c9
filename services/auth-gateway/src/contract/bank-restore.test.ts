import { createCustomer, type TestCustomer } from '@rekey/test-support/customers'
import { eventually } from '@rekey/test-support/eventually'
import {
  askRestore,
  loginBody,
  pkce,
  restoreBody,
  signIn,
  state,
  verificationBody,
  wrongCode,
} from '@rekey/test-support/flows'
import { startRekey } from '@rekey/test-support/rekey'
import t from 'tap'
import { bearer, denied, isOAuthError, tokensOf } from './oauth.fixture.ts'

// The internet bank's API, A1 to A3: one test for each row of its contract.
const rekey = await startRekey(t)
const { http } = rekey

const resetFields = { client_timezone: '-3', ip: '::1', response_type: 'access_token', source_system: 'IB' }
const newCustomer = () => createCustomer(rekey.postgres.url)

/** The answer of A2 with an access token that may reset the password. */
const resetToken = async (customer: TestCustomer) => {
  const { answer, confirmation } = await askRestore(rekey, customer.email)
  const body = verificationBody(answer.body.mfa_token, confirmation, { response_type: 'access_token' })
  return (await http.post('/oauth/v2/passwordRestoreVerification', body)).body
}

t.test('A1. POST /oauth/v2/passwordRestore', async (t) => {
  const customer = await newCustomer()
  const { answer, verification, confirmation } = await askRestore(rekey, customer.email)
  t.equal(answer.status, 200)
  t.match(answer.body, {
    mfa_token: /^[\w-]+\.[\w-]+\.[\w-]+$/,
    code: verification,
    error: 'mfa_code_required',
    error_description: 'Please confirm challenge with sent code',
    state,
  })
  t.match(confirmation, /^\d{6}$/)
  const request = (other: object) => http.post('/oauth/v2/passwordRestore', restoreBody(customer.email, other))
  for (const field of Object.keys(restoreBody(customer.email)).filter((name) => name !== 'ip')) {
    isOAuthError(t, await request({ [field]: undefined }), 400, 'invalid_request', new RegExp(field))
  }
  t.equal((await request({ ip: undefined })).status, 200)
  isOAuthError(t, await request({ client_id: 'nobody' }), 400, 'access_denied', denied)
  isOAuthError(t, await request({ redirect_uri: 'http://localhost/other' }), 400, 'access_denied', denied)
  t.equal((await request({ redirect_uri: 'http://localhost/' })).status, 200, 'RFC 3986 §6.2.3')
  isOAuthError(t, await request({ scope: 'REST:FULL' }), 400, 'invalid_scope', 'Invalid scope.')
  isOAuthError(t, await request({ response_type: 'token' }), 400, 'unsupported_response_type')
  t.same((await request({ client_id: 'nobody' })).body.state, state)
})

t.test('A2. POST /oauth/v2/passwordRestoreVerification', async (t) => {
  const customer = await newCustomer()
  const verify = async (other: object) => {
    const { answer, confirmation } = await askRestore(rekey, customer.email)
    return http.post(
      '/oauth/v2/passwordRestoreVerification',
      verificationBody(answer.body.mfa_token, confirmation, other),
    )
  }
  const bearerFields = { token_type: 'bearer', expires_in: 600, scope: 'CUSTOMER:PASSWORD:RESTORE', state }
  t.match((await verify({ response_type: 'access_token' })).body, { access_token: String, ...bearerFields })
  t.match((await verify({ response_type: 'sign_token' })).body, { sign_token: String, ...bearerFields })
  const asCode = { code: String, redirect_uri: 'http://localhost', state }
  t.match((await verify({ response_type: 'code', ...pkce })).body, asCode)
  const unused = { client_timezone: '-3', ip: '::1', redirect_uri: 'http://localhost', source_system: 'IB' }
  t.match((await verify({ response_type: 'code', ...pkce, ...unused })).body, asCode)
  isOAuthError(t, await verify({ response_type: 'code' }), 400, 'invalid_request', 'code_challenge is missing.')
  isOAuthError(t, await verify({ scope: 'CUSTOMER:FULL' }), 400, 'invalid_scope', 'Invalid scope.')
  for (const other of [{ state: 'another' }, { client_id: 'backend_fin' }]) {
    isOAuthError(t, await verify(other), 400, 'invalid_grant')
  }

  const { answer, confirmation } = await askRestore(rekey, customer.email)
  const submit = (code: string | number) =>
    http.post('/oauth/v2/passwordRestoreVerification', verificationBody(answer.body.mfa_token, code))
  isOAuthError(t, await submit(wrongCode(confirmation)), 400, 'invalid_grant')
  t.equal((await submit(Number(confirmation))).status, 200, 'the code as an integer, without its leading zeros')
  isOAuthError(t, await submit(confirmation), 400, 'invalid_grant', /./)

  const other = await askRestore(rekey, customer.email)
  const guess = () =>
    http.post(
      '/oauth/v2/passwordRestoreVerification',
      verificationBody(other.answer.body.mfa_token, wrongCode(other.confirmation)),
    )
  for (let failure = 0; failure < 5; failure += 1) isOAuthError(t, await guess(), 400, 'invalid_grant')
  isOAuthError(t, await guess(), 400, 'access_denied')
})

t.test('A3. POST /oauth/v2/passwordRestoreReset', async (t) => {
  const reset = (token: unknown, other: object = {}) =>
    http.post('/oauth/v2/passwordRestoreReset', { ...resetFields, ...other }, bearer(token))

  const customer = await newCustomer()
  const token = (await resetToken(customer)).access_token
  isOAuthError(t, await reset(token, { password: 'short' }), 400, 'invalid_request', /password/)
  const chosen = await reset(token, { password: 'My own password' })
  t.equal(chosen.status, 200)
  t.same(chosen.body, {})
  isOAuthError(t, await reset(token, { password: 'My own password' }), 401, 'invalid_token')
  t.ok((await tokensOf(rekey, { ...customer, password: 'My own password' })).access_token)

  const other = await newCustomer()
  const without = await reset((await resetToken(other)).access_token)
  t.equal(without.status, 200)
  t.same(without.body, {})
  isOAuthError(t, await http.post('/oauth/v2/login', loginBody(other)), 400, 'access_denied')
  const temporary = await eventually(
    async () => {
      const texts = (await rekey.inbox.messagesTo(other.phone)).map(({ Text }) => Text)
      return texts.map((text) => /^Temporary password: (\S+)$/m.exec(text)?.[1]).find(Boolean)
    },
    { what: 'the temporary password' },
  )
  t.equal((await tokensOf(rekey, { ...other, password: String(temporary) })).scope, 'CUSTOMER:PASSWORD:CHANGE')

  isOAuthError(t, await reset(await signIn(rekey, await newCustomer())), 400, 'invalid_scope', 'Invalid scope.')
  isOAuthError(t, await reset('nonsense'), 401, 'invalid_token')
  for (const field of Object.keys(resetFields)) {
    const { access_token } = await resetToken(other)
    isOAuthError(t, await reset(access_token, { [field]: undefined }), 400, 'invalid_request', new RegExp(field))
  }
})
