import { createCustomer, sql } from '@rekey/test-support/customers'
import { asBearer, change, changeGrant, factorsGrant, restoreGrant, signIn } from '@rekey/test-support/flows'
import { startRekey } from '@rekey/test-support/rekey'
import t from 'tap'
import { codeOf } from '../../../password-service/src/factors/factors.fixture.ts'
import { createProver } from './second-proofs.fixture.ts'

const rekey = await startRekey(t, { env: { REKEY_RESTORE_PROOFS: 'known' } })
const { http, clock, postgres } = rekey
const { prove, setPassword, secondProofOf } = createProver(rekey)
const hourMs = 3_600_000

/** A customer of long ago, signed in, and the headers of a change of factors. */
const signedIn = async ({ hasPhone = true } = {}) => {
  const person = await createCustomer(postgres.url)
  await sql(postgres.url, "UPDATE customer SET created_at = created_at - interval '30 days' WHERE id = $1", [person.id])
  if (!hasPhone)
    await sql(postgres.url, "DELETE FROM identifier WHERE customer_id = $1 AND kind = 'phone'", [person.id])
  const accessToken = await signIn(rekey, person)
  const grant = await factorsGrant(rekey, person, accessToken)
  return { person, accessToken, headers: { ...asBearer(accessToken), successToken: String(grant) } }
}

/** C2, C3. @returns the code of the next time step */
const addApp = async (headers: Record<string, string>) => {
  const { body } = await http.post('/api/v2/my/factors/totp', { label: 'Phone' }, headers)
  const next = () => {
    clock.advance(30_000)
    return codeOf({ secret: String(body.secret) }, Math.floor(clock.now().getTime() / 30_000))
  }
  const { status } = await http.post(`/api/v2/my/factors/totp/${body.id}/confirm`, { code: next() }, headers)
  if (status !== 204) throw new Error(`C3 was answered ${status}`)
  return next
}

/** When the recovery hold of a customer ends, in hours from now. */
const holdHours = async (customerId: number) => {
  const text = 'SELECT hold_until AS "holdUntil" FROM customer WHERE id = $1'
  const [row] = await sql<{ holdUntil: Date }>(postgres.url, text, [customerId])
  return ((row?.holdUntil.getTime() ?? 0) - clock.now().getTime()) / hourMs
}

t.test('S57: a young app is no second proof of a restore or a change while there is an older one', async (t) => {
  const { person, accessToken, headers } = await signedIn()
  const nextOtp = await addApp(headers)
  const { mfaToken, challengeTypes } = await secondProofOf(person)
  t.match(challengeTypes, [/^oob:sms:/])
  t.equal(challengeTypes.length, 1)
  const refused = await prove(mfaToken, 'mfa_otp', nextOtp())
  t.match(refused, { status: 400 })
  t.notOk(refused.body.sign_token)

  const asked = await change(
    rekey,
    accessToken,
    String(await changeGrant(rekey, person, accessToken)),
    'a new password',
  )
  t.match(asked, { status: 403, body: { code: 'second_proof_required', challengeTypes: [/^oob:sms:/] } })

  clock.advance(73 * hourMs)
  const later = await secondProofOf(person)
  t.match(later.challengeTypes, ['otp', /^oob:sms:/])
  const proven = await prove(later.mfaToken, 'mfa_otp', nextOtp())
  t.equal((await setPassword(proven.body.sign_token)).status, 204)
  t.ok((await holdHours(person.id)) < 25)
})

t.test('S57: a customer without an older second method uses a young one, with the longer hold', async (t) => {
  const { person, headers } = await signedIn({ hasPhone: false })
  const nextOtp = await addApp(headers)
  const { mfaToken, challengeTypes } = await secondProofOf(person)
  t.same(challengeTypes, ['otp'])
  const proven = await prove(mfaToken, 'mfa_otp', nextOtp())
  t.equal((await setPassword(proven.body.sign_token)).status, 204)
  t.ok((await holdHours(person.id)) > 94)
})

t.test('S57: recovery codes that were issued anew are young', async (t) => {
  const { person, headers } = await signedIn()
  const { status, body } = await http.send<{ codes: string[] }>('POST', '/api/v2/my/factors/recovery-codes', headers)
  t.equal(status, 201)
  const { mfaToken, challengeTypes } = await secondProofOf(person)
  t.equal(challengeTypes.length, 1)
  t.match(challengeTypes, [/^oob:sms:/])
  t.match(await prove(mfaToken, 'mfa_recovery_code', body.codes[0] ?? ''), { status: 400 })
  t.match((await setPassword(await restoreGrant(rekey, person))).body, { code: 'second_proof_required' })
})
