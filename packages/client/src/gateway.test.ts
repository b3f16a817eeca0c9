import { createCustomer } from '@rekey/test-support/customers'
import {
  addressOf,
  loginBody,
  messageAfter,
  restoreBody,
  signIn,
  signsIn,
  state,
  verificationBody,
} from '@rekey/test-support/flows'
import { startRekey } from '@rekey/test-support/rekey'
import t from 'tap'
import { type BegunRestore, createClient } from './index.ts'

const rekey = await startRekey(t, { env: { REKEY_RESEND_SECONDS: '1' } })
const client = createClient({ baseUrl: rekey.url })

/** Waits for the message of a call of the client. */
const codeAfter = async <T extends object>(to: string, send: () => Promise<T>) => {
  const { answer, confirmation } = await messageAfter(rekey, to, async () => ({ body: await send() }))
  return { answer: answer.body, confirmation }
}

t.test('the client alone can restore, sign in and change the password', async (t) => {
  const customer = await createCustomer(rekey.postgres.url)
  const requested = await codeAfter(customer.email, () => client.requestRestore(restoreBody(customer.email)))
  const verified = await client.verifyRestore(verificationBody(requested.answer.mfa_token, requested.confirmation))
  if (!('sign_token' in verified)) throw new Error('no sign token')
  const password = 'a new password'
  await client.restorePassword({ successToken: verified.sign_token, password })

  const login = await client.login(loginBody({ ...customer, password }))
  const [device = ''] = login.challenge_type
  const sent = await codeAfter(addressOf(device, customer), () =>
    client.sendChallenge({
      challenge_type: device,
      client_timezone: '-3',
      mfa_token: login.mfa_token,
      response_type: 'access_token',
      state,
    }),
  )
  const { access_token: accessToken } = await client.token({
    grant_type: 'mfa_oob',
    mfa_token: sent.answer.mfa_token,
    code: sent.confirmation,
  })
  const opened = await codeAfter(customer.email, () => client.openChallenge({ accessToken }))
  const { successToken } = await client.answerChallenge({ token: opened.answer.token, code: opened.confirmation })
  await client.changePassword({ accessToken, successToken, password: 'the newest password' })

  const history = await client.listPasswordChanges({ accessToken, limit: 10, offset: 0 })
  t.match(history.data, [{ operation: 'change' }, { operation: 'restore' }])
  const changeId = history.data[0]?.id ?? 0
  t.same(await client.getPasswordChange({ accessToken, changeId }), history.data[0])
  const again = client.restorePassword({ successToken, password })
  await t.rejects(again, { name: 'RekeyError', status: 403, code: 'success_token_refused' })
})

t.test('the client alone can enrol recovery codes, and prove a change of factors by one of them', async (t) => {
  const customer = await createCustomer(rekey.postgres.url)
  const accessToken = await signIn(rekey, customer)
  const challenge = { accessToken, businessProcess: 'changeFactors' } as const
  const opened = await codeAfter(customer.email, () => client.openChallenge(challenge))
  const { successToken } = await client.answerChallenge({ token: opened.answer.token, code: opened.confirmation })
  const { codes } = await client.issueRecoveryCodes({ accessToken, successToken })
  const { token } = await client.openChallenge(challenge)
  const proven = await client.answerChallenge({ token, code: codes[0] ?? '' })
  const { data } = await client.listFactors({ accessToken, successToken: proven.successToken })
  t.match(data, [{ kind: 'recovery_codes', codesLeft: 9 }])
})

t.test('a restore takes three calls, and goes on after its state was stored as JSON', async (t) => {
  const customer = await createCustomer(rekey.postgres.url)
  const restorer = createClient({ baseUrl: rekey.url, clientId: 'ib_localhost', redirectUri: 'http://localhost' })
  const begin = () => restorer.beginRestore({ username: customer.email, state })
  const { answer, confirmation: first } = await codeAfter(customer.email, async () => {
    const begun = await begin()
    return { ...begun, mfa_token: begun.mfaToken }
  })
  const stored: BegunRestore = JSON.parse(JSON.stringify(answer))
  t.match(stored, { device: /^oob:email:/, verificationCode: /^\d{4}$/, expiresAt: /^2.*Z$/, state })
  const resent = await codeAfter(customer.email, async () => {
    const begun = await restorer.resendCode(stored)
    return { ...begun, mfa_token: begun.mfaToken }
  })
  await t.rejects(restorer.confirmRestore(stored, first), { code: 'invalid_grant', status: 400 }, 'it was replaced')
  const grant = await restorer.confirmRestore(resent.answer, resent.confirmation)
  await t.rejects(restorer.setPassword(grant, 'short'), {
    code: 'password_refused',
    status: 422,
    fields: [{ field: 'password', code: 'too_short', message: String }],
  })
  await restorer.setPassword(grant, 'a password after three calls')
  t.ok(await signsIn(rekey, customer, 'a password after three calls'))
})

t.test('a confidential client restores with its secret, and is refused without it', async (t) => {
  const { email } = await createCustomer(rekey.postgres.url)
  const bank = { baseUrl: rekey.url, clientId: 'bank_backend', redirectUri: 'http://localhost:3000/' }
  const { verificationCode } = await createClient({ ...bank, clientSecret: 'bank-secret' }).beginRestore({
    username: email,
    ip: '203.0.113.7',
    timezone: '+5:30',
  })
  t.match(verificationCode, /^\d{4}$/)
  await t.rejects(createClient(bank).beginRestore({ username: email }), { code: 'invalid_client', status: 401 })
  const nameless = createClient({ baseUrl: rekey.url }).beginRestore({ username: email })
  await t.rejects(nameless, { name: 'TypeError', message: /clientId and redirectUri/ })
})
