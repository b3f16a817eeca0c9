import { join } from 'node:path'
import { restoreGrant } from '@rekey/test-support/flows'
import { startRekey } from '@rekey/test-support/rekey'
import t from 'tap'
import { createProver } from '../../../services/auth-gateway/src/second-proofs/second-proofs.fixture.ts'
import { codeOfTotp } from '../../../services/password-service/src/factors/factors.fixture.ts'
import { startCustomers } from '../customers.fixture.ts'

// Authenticator apps of other systems prove a restore after the import, by codes that the customers' phones show.

const rekey = await startRekey(t)
const { run, dir } = await startCustomers(t)
const { setPassword, prove } = createProver(rekey)
const env = { DATABASE_URL: rekey.postgres.url, REKEY_SECRETS_FILE: rekey.keys.passwordService }
const samples = join(import.meta.dirname, 'samples')

/** The apps, as the other system's QR code showed them: its export may write them otherwise. */
const phones = [
  { system: 'keycloak.json', email: 'keycloak-argon2@example.com', secret: 'HB3FCMTNLIYGWUDRGRZFINTXLEYXQQZT' },
  {
    system: 'keycloak.json',
    email: 'keycloak-argon2@example.com',
    secret: 'MFRGGZDFMZTWQ2LKNNWG23TPOBYXE43U',
    algorithm: 'sha256',
    digits: 8,
    period: 60,
  },
  {
    system: 'authentik.ndjson',
    email: 'authentik@example.com',
    secret: 'GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ',
    digits: 8,
  },
  { system: 'auth0.ndjson', email: 'auth0@example.com', secret: 'KRSXG5CTMVRXEZLUGEZDGNBVGY3TQOJQ' },
] as const

t.test('an app that was enrolled with another system is a second proof after the import', async (t) => {
  for (const file of new Set(phones.map(({ system }) => system))) {
    const [system = ''] = file.split('.')
    const target = join(dir, `${system}.ndjson`)
    t.match(await run(['convert', system, join(samples, file), target]), { code: 0 }, system)
    t.match(await run(['import', target], env), { code: 0, err: '' }, system)
  }
  for (const { email, ...totp } of phones) {
    const refused = await setPassword(await restoreGrant(rekey, { email, password: '' }))
    t.match(refused, { status: 403, body: { challengeTypes: ['otp'] } }, email)
    // Each phone's code is of a step that no earlier one has used.
    rekey.clock.advance(60_000)
    const code = codeOfTotp(totp, rekey.clock.now())
    const wrong = await prove(
      refused.body.mfaToken,
      'mfa_otp',
      code.replace(/.$/, (digit) => `${9 - Number(digit)}`),
    )
    t.match(wrong, { status: 400, body: { error: 'invalid_grant' } }, email)
    const proven = await prove(refused.body.mfaToken, 'mfa_otp', code)
    t.equal(proven.status, 200, `${email}: ${proven.text}`)
    t.equal((await setPassword(proven.body.sign_token)).status, 204, email)
  }
})
