import { challengeType, parseUsername } from '@rekey/contracts'
import { createCustomer } from '@rekey/test-support/customers'
import { askRestore, restoreBody, verificationBody, wrongCode } from '@rekey/test-support/flows'
import { startRekey } from '@rekey/test-support/rekey'
import t from 'tap'
import { createProver, verification } from './second-proofs.fixture.ts'

// Compares the answers to everything that may be sent before the first proof. Their time: tests/security.

const rekey = await startRekey(t, { passwordServiceEnv: { REKEY_RESTORE_PROOFS: 'known' } })
const { http } = rekey
const { enrolled, choose, prove } = createProver(rekey)

/** An answer without its random parts: tokens, codes and times. */
const said = ({ status, headers, body }: { status: number; headers: Headers; body: object }) => ({
  status,
  mustWait: headers.has('retry-after'),
  body: Object.entries(body).map(([name, value]) => [
    name,
    /token|^code$|expiresAt/i.test(name) && status === 200 ? typeof value : value,
  ]),
})

/** Everything that a stranger may send, up to the end of the challenge. @returns what the answers say */
const probe = async (email: string) => {
  const { answer, confirmation } = await askRestore(rekey, email)
  const mfaToken = answer.body.mfa_token
  const answers = [
    said(answer),
    said(await choose(mfaToken, 'otp')),
    said(await choose(mfaToken, 'recovery_code')),
    said(await choose(mfaToken, challengeType(parseUsername(email)))),
    said(await prove(mfaToken, 'mfa_otp', '000000')),
    said(await prove(mfaToken, 'mfa_recovery_code', 'ABCD-EFGH-JKMN-PQRS')),
  ]
  for (let attempt = 0; attempt < 6; attempt += 1) {
    answers.push(said(await http.post(verification, verificationBody(mfaToken, wrongCode(confirmation)))))
  }
  answers.push(said(await http.post(verification, verificationBody(mfaToken, confirmation))))
  const { body } = await http.get<Record<string, unknown>>(
    `/api/v2/my/2fa/unauthorized/challenge?businessProcess=restorePassword&email=${email}`,
  )
  answers.push(said(await http.post('/api/v2/my/2fa/challenge', { token: body.token, code: '000000' })))
  answers.push(said(await http.post('/api/v2/my/2fa/challenge', { token: body.token, code: 'ABCD-EFGH-JKMN-PQRS' })))
  for (let more = 0; more < 3; more += 1) {
    answers.push(said(await http.post('/oauth/v2/passwordRestore', restoreBody(email))))
  }
  return answers
}

t.test('S60: no answer and no limit before the first proof depends on the methods of a customer', async (t) => {
  const plain = await probe((await createCustomer(rekey.postgres.url)).email)
  const withMethods = await probe((await enrolled()).email)
  t.equal(withMethods.length, plain.length)
  for (const [index, answer] of plain.entries()) t.same(withMethods[index], answer, `answer ${index + 1}`)
  t.ok(
    plain.some(({ body }) => body.some(([, value]) => value === 'access_denied')),
    'the challenge ended',
  )
})
