import { createCustomer } from '@rekey/test-support/customers'
import { addressOf, loginBody, messageAfter, restoreBody, state, verificationBody } from '@rekey/test-support/flows'
import { startRekey } from '@rekey/test-support/rekey'
import t from 'tap'
import { createClient } from './index.ts'

const rekey = await startRekey(t)
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
