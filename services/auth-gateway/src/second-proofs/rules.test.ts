import { createCustomer, sql } from '@rekey/test-support/customers'
import { restoreGrant, state } from '@rekey/test-support/flows'
import { startRekey } from '@rekey/test-support/rekey'
import t, { type Test } from 'tap'
import { createProver } from './second-proofs.fixture.ts'

const rekey = await startRekey(t, { env: { REKEY_RESTORE_PROOFS: 'known' } })
const { http } = rekey
const { enrolled, choose, prove, setPassword, secondProofOf, sendCode } = createProver(rekey)

const withoutPhone = async () => {
  const person = await createCustomer(rekey.postgres.url)
  await sql(rekey.postgres.url, `DELETE FROM identifier WHERE customer_id = $1 AND kind = 'phone'`, [person.id])
  return person
}

/** What a restore with one proof is answered. */
const withOne = async (person: Awaited<ReturnType<typeof createCustomer>>) =>
  setPassword(await restoreGrant(rekey, person))

t.test('S53: known: a customer with e-mail and SMS proves both, one with e-mail alone proves it', async (t) => {
  const person = await createCustomer(rekey.postgres.url)
  const { mfaToken, challengeTypes } = await secondProofOf(person)
  t.match(challengeTypes, [/^oob:sms:/])
  t.match(await choose(mfaToken, challengeTypes[0]?.replace('sms', 'email') ?? ''), {
    status: 400,
    body: { error: 'invalid_request' },
  })
  const { answer, confirmation } = await sendCode(mfaToken, challengeTypes[0] ?? '', person.phone)
  const proven = await prove(answer.body.mfa_token, 'mfa_oob', confirmation)
  t.equal((await setPassword(proven.body.sign_token)).status, 204)
  t.equal((await withOne(await withoutPhone())).status, 204)
})

type Submitted = { status: number; body: Record<string, unknown> }

t.test('S60: wrong, foreign and unknown methods get one answer and cost one attempt, at A2 and B6', async (t) => {
  const person = await enrolled()
  const other = await enrolled()
  const plain = await createCustomer(rekey.postgres.url)
  const viaA2 = (token: string, grantType: string, code: string) => prove(token, grantType, code)
  const viaB6 = (token: string, _grantType: string, code: string) =>
    http.post('/api/v2/my/2fa/challenge', { token, code })
  const cases: Record<string, [grantType: string, code: () => string]> = {
    'a wrong code of the app': ['mfa_otp', () => '000000'],
    'the code of another customer’s app': ['mfa_otp', other.nextOtp],
    'a wrong recovery code': ['mfa_recovery_code', () => 'AAAA-BBBB-CCCC-DDDD'],
    'another customer’s recovery code': ['mfa_recovery_code', () => other.recoveryCodes[2] ?? ''],
    'a code that was never sent': ['mfa_oob', () => '123456'],
  }
  const answers = new Set<string>()
  const attempt = async (t: Test, submit: typeof viaA2, owner: typeof plain, name: string) => {
    const { mfaToken } = await secondProofOf(owner)
    const [grantType, code] = cases[name] ?? ['', () => '']
    const errors: unknown[] = []
    for (let count = 0; count < 6; count += 1) {
      const { status, body }: Submitted = await submit(mfaToken, grantType, code())
      errors.push(body.error ?? body.code)
      answers.add(JSON.stringify([status, body.error ?? body.code, body.error_description ?? body.detail]))
    }
    t.same(errors, [...Array(5).fill('invalid_grant'), 'access_denied'], name)
  }
  for (const [index, name] of Object.keys(cases).entries()) {
    // A lockout begins with the tenth wrong code: it is ended between the cases.
    const ways = [[viaA2, person] as const, [viaB6, person] as const, [viaA2, plain] as const]
    for (const [submit, owner] of ways.filter((_, place) => place !== index % ways.length)) {
      await attempt(t, submit, owner, name)
      rekey.clock.advance(25 * 3_600_000)
    }
  }
  t.equal(answers.size, 2, 'one answer for each wrong proof, one after the fifth')
})

t.test('a malformed second proof gets a clear error and costs nothing', async (t) => {
  const person = await enrolled()
  const { mfaToken } = await secondProofOf(person)
  for (const [grantType, code] of [
    ['mfa_otp', 'ABCDEFGHJKMNPQRS'],
    ['mfa_oob', 'ABCDEFGHJKMNPQRS'],
    ['mfa_otp', 'abc'],
    ['mfa_recovery_code', '*'],
    ['mfa_magic', '123456'],
  ] as const) {
    for (let count = 0; count < 3; count += 1) {
      t.match(await prove(mfaToken, grantType, code), { status: 400, body: { error: 'invalid_request' } })
    }
  }
  t.equal((await prove(mfaToken, 'mfa_otp', person.nextOtp())).status, 200)
})

t.test('a late, changed or foreign token of a second proof is refused, and its state is echoed', async (t) => {
  const person = await enrolled()
  const { mfaToken } = await secondProofOf(person)
  const code = person.nextOtp()
  const changed = `${mfaToken.slice(0, -5)}${mfaToken.endsWith('AAAAA') ? 'BBBBB' : 'AAAAA'}`
  const refused = { status: 400, body: { error: 'invalid_grant', state } }
  t.match(await prove(changed, 'mfa_otp', code), refused)
  t.match(await choose(changed, 'otp'), refused)
  t.match(await http.post('/oauth/v2/token', { grant_type: 'mfa_otp', mfa_token: mfaToken, code, state }), refused)
  rekey.clock.advance(11 * 60_000)
  t.match(await prove(mfaToken, 'mfa_otp', person.nextOtp()), refused)
})

t.test('S6: ten wrong second proofs lock restores of the customer out, and sign-in goes on', async (t) => {
  const person = await enrolled()
  for (let restores = 0; restores < 2; restores += 1) {
    const { mfaToken } = await secondProofOf(person)
    for (let count = 0; count < 5; count += 1) await prove(mfaToken, 'mfa_otp', '000000')
  }
  const { mfaToken, first } = await secondProofOf(person).catch(() => ({ mfaToken: '', first: '' }))
  if (first !== '') {
    t.match(await choose(mfaToken, 'otp'), { status: 429, body: { error: 'temporarily_unavailable' } })
    t.match(await prove(mfaToken, 'mfa_otp', person.nextOtp()), { status: 400, body: { error: 'invalid_grant' } })
  }
  const { body } = await http.post('/oauth/v2/login', {
    client_id: 'ib_localhost',
    redirect_uri: 'http://localhost',
    response_type: 'code',
    state,
    client_timezone: '-3',
    source_system: 'IB',
    ip: '::1',
    scope: 'CUSTOMER:FULL',
    username: person.email,
    password: person.password,
  })
  const signedIn = await http.post('/oauth/v2/token', {
    grant_type: 'mfa_otp',
    mfa_token: body.mfa_token,
    code: person.nextOtp(),
    state,
  })
  t.equal(signedIn.status, 200)
})

t.test('one asks for no second proof; two asks for it always, and names no way if there is none', async (t) => {
  const [person, alone] = [await enrolled(), await withoutPhone()]
  await rekey.restart({ REKEY_RESTORE_PROOFS: 'two' })
  t.match(await withOne(alone), { status: 403, body: { code: 'second_proof_required', challengeTypes: [] } })
  t.match(await withOne(person), { status: 403, body: { code: 'second_proof_required', mfaToken: String } })
  await rekey.restart({ REKEY_RESTORE_PROOFS: 'one' })
  t.equal((await withOne(person)).status, 204)
})
