import { readFileSync } from 'node:fs'
import { parseEnv } from 'node:util'
import { toKeys } from '@rekey/platform/keys'
import { systemRandom } from '@rekey/platform/random'
import { type Authenticator, createAuthenticator } from '@rekey/test-support/authenticator'
import { createCustomer, sql, type TestCustomer } from '@rekey/test-support/customers'
import { asBearer, factorsGrant, messageAfter, restoreGrant, state, verificationBody } from '@rekey/test-support/flows'
import type { Rekey } from '@rekey/test-support/rekey'
import { sealSecret } from '../../../password-service/src/factor-secrets/factor-secret.ts'
import { newTotp, type Totp } from '../../../password-service/src/factor-secrets/totp.ts'
import { codeOf } from '../../../password-service/src/factors/factors.fixture.ts'
import { newRecoveryCodes } from '../../../password-service/src/factors/recovery-codes.ts'

/** A customer with an authenticator app and recovery codes. */
export interface Enrolled extends TestCustomer {
  /** The code of the app, each time of a later time step: each step is right once. */
  nextOtp(): string
  recoveryCodes: string[]
  totp: Totp
}

interface Creation {
  rp: { id: string }
  user: { id: string }
  challenge: string
}

export const verification = '/oauth/v2/passwordRestoreVerification'
export const newPassword = 'a new password of mine'

const stepSeconds = 30
/** How long ago the factors were enrolled: none is young. */
const enrolledMs = 30 * 24 * 3_600_000

/** The steps of a person who gives second proofs. */
export const createProver = (rekey: Rekey) => {
  const { http, clock, postgres } = rekey
  const keys = toKeys(parseEnv(readFileSync(rekey.keys.passwordService, 'utf8')).REKEY_FACTOR_SEAL_KEY ?? '')

  const store = async (customerId: number, kind: 'totp' | 'recovery_codes', secret: object | string) => {
    const id = systemRandom.id()
    const { sealedSecret, sealKeyId } = sealSecret(keys, { id, customerId }, secret)
    await sql(
      postgres.url,
      `WITH told AS (
         UPDATE customer SET factor_kinds = array_append(factor_kinds, $3::factor_kind) WHERE id = $2
       )
       INSERT INTO factor (id, customer_id, kind, label, sealed_secret, seal_key_id, created_at, confirmed_at)
       VALUES ($1, $2, $3::factor_kind, 'phone', $4, $5, $6, $6)`,
      [id, customerId, kind, sealedSecret, sealKeyId, new Date(clock.now().getTime() - enrolledMs)],
    )
    return id
  }

  const prover = {
    /** Gives a customer an authenticator app. */
    async enrolApp({ id }: Pick<TestCustomer, 'id'>) {
      const totp = newTotp()
      await store(id, 'totp', totp)
      return totp
    },

    /** Gives a customer an authenticator app and recovery codes. */
    async enrol(customer: TestCustomer): Promise<Enrolled> {
      const totp = await prover.enrolApp(customer)
      const { key, codes: recoveryCodes, hmacs } = newRecoveryCodes(systemRandom)
      const id = await store(customer.id, 'recovery_codes', key)
      await sql(postgres.url, 'INSERT INTO recovery_code (factor_id, code_hmac) SELECT $1, unnest($2::text[])', [
        id,
        hmacs,
      ])
      return {
        ...customer,
        recoveryCodes,
        totp,
        nextOtp() {
          clock.advance(stepSeconds * 1_000)
          return codeOf(totp, Math.floor(clock.now().getTime() / 1_000 / stepSeconds))
        },
      }
    },

    /** C4, of a customer who is signed in and has no other factor yet. */
    async enrolPasskey(person: TestCustomer, accessToken: string, isSynced = false): Promise<Authenticator> {
      const successToken = await factorsGrant(rekey, person, accessToken)
      const headers = { ...asBearer(accessToken), successToken: String(successToken) }
      const { body } = await http.send<Creation>('POST', '/api/v2/my/factors/passkey/options', headers)
      const authenticator = createAuthenticator({ origin: rekey.url, isSynced })
      const credential = authenticator.create(body)
      const made = await http.post('/api/v2/my/factors/passkey', { label: 'Key', credential }, headers)
      if (made.status !== 201) throw new Error(`C4 was answered ${made.status} ${made.text}`)
      return authenticator
    },

    async enrolled(): Promise<Enrolled> {
      return prover.enrol(await createCustomer(postgres.url))
    },

    /** A4b. */
    choose: (mfaToken: unknown, challengeType: string) =>
      http.post('/oauth/v2/challenge', {
        challenge_type: challengeType,
        client_timezone: '-3',
        mfa_token: mfaToken,
        response_type: 'code',
        state,
      }),

    /** A2, with the second proof. */
    prove: (mfaToken: unknown, grantType: string, code: string | number, other: object = {}) =>
      http.post(verification, { ...verificationBody(mfaToken, code), grant_type: grantType, ...other }),

    /** B2. */
    setPassword: (successToken: unknown, password = newPassword) =>
      http.post('/api/v2/my/password/restore', { password }, { successToken: String(successToken) }),

    /** A1, A2, B2 with one proof: the token of the second. */
    async secondProofOf(person: TestCustomer): Promise<{ first: string; mfaToken: string; challengeTypes: string[] }> {
      const first = await restoreGrant(rekey, person)
      const { status, body } = await prover.setPassword(first)
      if (status !== 403) throw new Error(`a restore with one proof was answered ${status}`)
      return { first, mfaToken: String(body.mfaToken), challengeTypes: body.challengeTypes as string[] }
    },

    /** A4b up to the message. */
    async sendCode(mfaToken: unknown, challengeType: string, to: string) {
      return messageAfter(rekey, to, async () => {
        const answer = await prover.choose(mfaToken, challengeType)
        return { ...answer, body: { mfa_token: answer.body.mfa_token, verification: answer.body.code } }
      })
    },
  }
  return prover
}
