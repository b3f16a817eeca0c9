import { sandboxCustomers } from '@rekey/contracts'
import { restoreGrant, signsIn } from '@rekey/test-support/flows'
import { startRekey } from '@rekey/test-support/rekey'
import t from 'tap'
import { seedSandbox } from '../../../password-service/src/customers/sandbox.ts'
import { codeOf } from '../../../password-service/src/factors/factors.fixture.ts'
import { createProver, newPassword } from './second-proofs.fixture.ts'

// The customers of `npm start` and Compose, under REKEY_RESTORE_PROOFS=enrolled, the sandbox's default.

const rekey = await startRekey(t)
await seedSandbox(rekey.passwordServiceConfig)
const { setPassword, prove } = createProver(rekey)

const people = sandboxCustomers.map(({ password, addresses: [address], totpSecret: secret = '' }) => ({
  email: address?.value ?? '',
  password,
  secret,
}))

t.test(
  'the sandbox’s third customer restores by mail and authenticator app, in three calls after the mail',
  async (t) => {
    const [, , person] = people
    if (!person) throw new Error('the sandbox has no third customer')
    t.ok(await signsIn(rekey, person, person.password))
    const first = await restoreGrant(rekey, person)
    const refused = await setPassword(first)
    t.match(refused, { status: 403, body: { code: 'second_proof_required', challengeTypes: ['otp'] } })
    const code = codeOf(person, Math.floor(rekey.clock.now().getTime() / 30_000))
    const proven = await prove(refused.body.mfaToken, 'mfa_otp', code)
    t.equal(proven.status, 200, proven.text)
    t.equal((await setPassword(proven.body.sign_token)).status, 204)
    t.ok(await signsIn(rekey, person, newPassword))
  },
)

t.test('the sandbox’s other customers restore with one proof, as both published documents describe', async (t) => {
  for (const person of people.slice(0, 2)) {
    const grant = await restoreGrant(rekey, person)
    t.equal((await setPassword(grant)).status, 204)
    t.ok(await signsIn(rekey, person, newPassword))
  }
})
