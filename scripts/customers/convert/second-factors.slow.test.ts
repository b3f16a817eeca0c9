import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Authenticator, createAuthenticator } from '@rekey/test-support/authenticator'
import { login, restoreGrant } from '@rekey/test-support/flows'
import { startRekey } from '@rekey/test-support/rekey'
import t from 'tap'
import { createProver, newPassword } from '../../../services/auth-gateway/src/second-proofs/second-proofs.fixture.ts'
import { codeOfTotp } from '../../../services/password-service/src/factors/factors.fixture.ts'
import { startCustomers } from '../customers.fixture.ts'

// Authenticator apps of other systems prove a restore after the import, by codes that the customers' phones show.

const rekey = await startRekey(t)
const { run, dir } = await startCustomers(t)
const { choose, setPassword, prove } = createProver(rekey)
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

/** A user with a passkey, as each system exports it. */
const exportsOf: Record<string, (email: string, passkey: Authenticator) => object> = {
  keycloak: (email, { id, publicKey }) => ({
    users: [
      {
        id: 'kc-passkey',
        email,
        emailVerified: true,
        credentials: [
          {
            type: 'webauthn-passwordless',
            userLabel: 'Laptop',
            secretData: '{}',
            credentialData: JSON.stringify({
              aaguid: '00000000-0000-0000-0000-000000000000',
              credentialId: Buffer.from(id, 'base64url').toString('base64'),
              counter: 3,
              credentialPublicKey: publicKey,
              attestationStatementFormat: 'none',
              transports: ['internal', 'hybrid'],
            }),
          },
        ],
      },
    ],
  }),
  authentik: (email, { id, publicKey }) => ({
    uuid: 'ak-passkey',
    email,
    email_verified: true,
    webauthn_devices: [{ name: 'Laptop', credential_id: id, public_key: publicKey, sign_count: 3, aaguid: null }],
  }),
}

t.test('a passkey that was enrolled with another system restores and signs in after the import', async (t) => {
  for (const [system, exportOf] of Object.entries(exportsOf)) {
    const email = `${system}-passkey@example.com`
    const passkey = createAuthenticator({ origin: rekey.url, counter: 4 })
    const [from, target] = [join(dir, `${system}-passkeys`), join(dir, `${system}-passkeys.ndjson`)]
    writeFileSync(from, JSON.stringify(exportOf(email, passkey)))
    t.match(await run(['convert', system, from, target]), { code: 0 }, system)
    t.match(await run(['import', target], env), { code: 0, err: '' }, system)

    const sign = async (mfaToken: unknown) => {
      const { body } = await choose(mfaToken, 'webauthn')
      const publicKey = body.publicKey as unknown as { rpId: string; challenge: string }
      return { mfaToken: body.mfa_token, credential: passkey.get(publicKey, { userHandle: 'b3RoZXIgc3lzdGVt' }) }
    }
    const refused = await setPassword(await restoreGrant(rekey, { email, password: '' }))
    t.match(refused, { status: 403, body: { challengeTypes: ['webauthn'] } }, email)
    const first = await sign(refused.body.mfaToken)
    const proven = await prove(first.mfaToken, 'mfa_webauthn', '', { credential: first.credential, code: undefined })
    t.equal(proven.status, 200, `${email}: ${proven.text}`)
    t.equal((await setPassword(proven.body.sign_token)).status, 204, email)

    const asked = await login(rekey, { email, password: newPassword })
    const { mfaToken, credential } = await sign(asked.body.mfa_token)
    const request = { grant_type: 'mfa_webauthn', mfa_token: mfaToken, credential }
    t.match(await rekey.http.post('/oauth/v2/token', request), { status: 200, body: { access_token: String } }, email)
  }
})
