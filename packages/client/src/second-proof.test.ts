import { createCustomer } from '@rekey/test-support/customers'
import { messageAfter, restoreGrant, signsIn } from '@rekey/test-support/flows'
import { startRekey } from '@rekey/test-support/rekey'
import t from 'tap'
import {
  createProver,
  type Enrolled,
  newPassword,
} from '../../../services/auth-gateway/src/second-proofs/second-proofs.fixture.ts'
import { createClient, type NeededProof, RekeyError, secondProofOf } from './index.ts'

const rekey = await startRekey(t)
const { enrolled } = createProver(rekey)
const client = createClient({ baseUrl: rekey.url, clientId: 'ib_localhost', redirectUri: 'http://localhost' })

const errorOf = (work: Promise<unknown>): Promise<unknown> =>
  work.then(
    () => undefined,
    (error) => error,
  )

/** A restore up to the refusal that asks for the second proof. */
const askedFor = async (person: Enrolled): Promise<NeededProof> => {
  const { answer, confirmation } = await messageAfter(rekey, person.email, async () => {
    const begun = await client.beginRestore({ username: person.email })
    return { begun, body: { mfa_token: begun.mfaToken, verification: begun.verificationCode } }
  })
  const grant = await client.confirmRestore(answer.begun, confirmation)
  const error = await errorOf(client.setPassword(grant, newPassword))
  const needed = secondProofOf(error)
  if (!needed) throw new Error(`no second proof was asked for: ${error}`)
  return JSON.parse(JSON.stringify(needed))
}

t.test('a restore goes on with each second proof, in three calls: choose, confirm, set the password', async (t) => {
  const answers = {
    otp: (person: Enrolled) => person.nextOtp(),
    recovery_code: ({ recoveryCodes: [code = ''] }: Enrolled) => code,
  }
  for (const [type, answerOf] of Object.entries(answers)) {
    const person = await enrolled()
    const needed = await askedFor(person)
    t.match(needed.challengeTypes, ['otp', /^oob:sms:/, 'recovery_code'])
    const chosen = await client.chooseSecondProof(needed, type)
    t.same(Object.keys(chosen), ['mfaToken', 'challengeType'], `${type}: no message is sent`)
    await client.setPassword(await client.confirmSecondProof(chosen, answerOf(person)), newPassword)
    t.ok(await signsIn(rekey, person, newPassword), type)
  }

  const person = await enrolled()
  const needed = await askedFor(person)
  const device = needed.challengeTypes.find((type) => type.startsWith('oob:sms:')) ?? ''
  const { answer, confirmation } = await messageAfter(rekey, person.phone, async () => {
    const chosen = await client.chooseSecondProof(needed, device)
    return { chosen, body: { mfa_token: chosen.mfaToken, verification: chosen.verificationCode } }
  })
  t.match(answer.chosen.verificationCode, /^\d{4}$/)
  await client.setPassword(await client.confirmSecondProof(answer.chosen, confirmation), newPassword)
  t.ok(await signsIn(rekey, person, newPassword), 'SMS')
})

t.test('a wrong second proof is refused, and the right one is taken afterwards', async (t) => {
  const person = await enrolled()
  const chosen = await client.chooseSecondProof(await askedFor(person), 'otp')
  const code = person.nextOtp()
  const wrong = code.replace(/.$/, (digit) => `${9 - Number(digit)}`)
  await t.rejects(client.confirmSecondProof(chosen, wrong), { code: 'invalid_grant', status: 400 })
  await client.setPassword(await client.confirmSecondProof(chosen, code), newPassword)
  await t.rejects(client.confirmSecondProof(chosen, person.nextOtp()), { code: 'invalid_grant' }, 'it was given')
})

t.test('the answer of A3 asks for a second proof too, and other errors ask for none', async (t) => {
  const person = await enrolled()
  const accessToken = await restoreGrant(rekey, person, 'access_token')
  const reset = { client_timezone: '-3', ip: '::1', response_type: 'access_token', source_system: 'IB' } as const
  const error = await errorOf(client.resetPassword({ accessToken, ...reset, password: newPassword }))
  t.match(secondProofOf(error), { mfaToken: String, challengeTypes: ['otp', /^oob:sms:/, 'recovery_code'] })

  const plain = await createCustomer(rekey.postgres.url)
  await client.restorePassword({ successToken: await restoreGrant(rekey, plain), password: newPassword })
  const refused = await errorOf(client.restorePassword({ successToken: 'spent', password: newPassword }))
  t.match(refused, { code: 'success_token_refused' })
  for (const other of [refused, undefined, new Error('mfa_required'), new RekeyError('mfa_required')]) {
    t.equal(secondProofOf(other), undefined)
  }
})

t.test('a passkey goes through as the browser and the gateway write it', async (t) => {
  const sent: object[] = []
  const grant = { sign_token: 'grant', token_type: 'bearer', expires_in: 600, scope: 's', state: 's' }
  const publicKey = { challenge: 'AQ', allowCredentials: [{ id: 'AQ', type: 'public-key' }] }
  const answers = [{ mfa_token: 'chosen', error: 'mfa_code_required', state: 's', publicKey }, grant]
  const local = createClient({
    baseUrl: rekey.url,
    fetch: async (_, init) => {
      sent.push(JSON.parse(String(init?.body)))
      return Response.json(answers[sent.length - 1])
    },
  })
  const credential = { id: 'AQ', rawId: 'AQ', type: 'public-key', response: { signature: 'Ag' } }
  const chosen = await local.chooseSecondProof({ mfaToken: 'needed', challengeTypes: ['webauthn'] }, 'webauthn')
  t.same(chosen, { mfaToken: 'chosen', challengeType: 'webauthn', publicKey })
  t.match(await local.confirmSecondProof(chosen, credential), { successToken: 'grant' })
  t.match(sent, [
    { mfa_token: 'needed', challenge_type: 'webauthn' },
    { mfa_token: 'chosen', grant_type: 'mfa_webauthn', credential },
  ])
  t.notOk('code' in (sent[1] ?? {}))
})
