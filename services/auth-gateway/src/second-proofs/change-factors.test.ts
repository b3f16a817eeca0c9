import { createCustomer } from '@rekey/test-support/customers'
import { eventually } from '@rekey/test-support/eventually'
import { asBearer, change, claimsOf, codesOf, loginBody, signIn } from '@rekey/test-support/flows'
import { startRekey } from '@rekey/test-support/rekey'
import t from 'tap'
import { codeOf } from '../../../password-service/src/factors/factors.fixture.ts'
import { createProver } from './second-proofs.fixture.ts'

const rekey = await startRekey(t)
const { http, clock } = rekey
const { enrolled } = createProver(rekey)

const open = (accessToken: string) =>
  http.get('/api/v2/my/2fa/challenge?businessProcess=changeFactors', asBearer(accessToken))
const answer = (token: unknown, code: string | undefined) => http.post('/api/v2/my/2fa/challenge', { token, code })

t.test(
  'S57: the first factor needs a code by e-mail, which says what it is for, and the next one the app',
  async (t) => {
    const person = await createCustomer(rekey.postgres.url)
    const accessToken = await signIn(rekey, person)
    const { body } = await open(accessToken)
    t.match(body, { provider: 'email', token: String })
    const message = await eventually(
      async () => (await rekey.inbox.messagesTo(person.email)).find(({ Subject }) => /sign-in methods/.test(Subject)),
      { what: 'the code' },
    )
    const { successToken } = (await answer(body.token, codesOf(message).confirmation)).body
    t.match(claimsOf(String(successToken)), { purpose: 'changeFactors', sub: person.code, aud: ['rekey:grant'] })
    const headers = { ...asBearer(accessToken), successToken: String(successToken) }
    const made = await http.post('/api/v2/my/factors/totp', { label: 'My phone' }, headers)
    t.equal(made.status, 201)
    const otp = () => codeOf({ secret: String(made.body.secret) }, Math.floor(clock.now().getTime() / 30_000))
    const confirmed = await http.post(`/api/v2/my/factors/totp/${made.body.id}/confirm`, { code: otp() }, headers)
    t.equal(confirmed.status, 204)

    clock.advance(60_000)
    const next = await open(accessToken)
    t.equal(next.body.provider, 'otp')
    t.equal((await answer(next.body.token, otp())).status, 200)
  },
)

t.test('S57: a recovery code proves a change of factors, and its grant changes no password', async (t) => {
  const person = await enrolled()
  const { body: login } = await http.post('/oauth/v2/login', loginBody(person))
  const signedIn = await http.post('/oauth/v2/token', {
    grant_type: 'mfa_otp',
    mfa_token: login.mfa_token,
    code: person.nextOtp(),
  })
  const token = String(signedIn.body.access_token)
  const { body } = await open(token)
  t.equal(body.provider, 'otp')
  t.match(await answer(body.token, '000000'), { status: 400, body: { code: 'invalid_grant' } })
  const { successToken } = (await answer(body.token, person.recoveryCodes[3])).body
  t.match(claimsOf(String(successToken)), { purpose: 'changeFactors', proofs: [{ method: 'recovery_code' }] })
  t.match(await change(rekey, token, String(successToken), 'another password'), {
    status: 403,
    body: { code: 'success_token_refused' },
  })
})

t.test('a token without CUSTOMER:FULL opens no change of factors', async (t) => {
  const person = await createCustomer(rekey.postgres.url)
  const accessToken = await signIn(rekey, person, { scope: 'CUSTOMER:PASSWORD:CHANGE' })
  t.match(await open(accessToken), { status: 403, body: { code: 'insufficient_scope' } })
})
