import { type Authenticator, createAuthenticator } from '@rekey/test-support/authenticator'
import { createCustomer, type TestCustomer } from '@rekey/test-support/customers'
import { asBearer, factorsGrant, messageAfter, restoreGrant, state, verificationBody } from '@rekey/test-support/flows'
import type { Rekey } from '@rekey/test-support/rekey'
import type { Totp } from '../../../password-service/src/factor-secrets/totp.ts'
import { codeOf } from '../../../password-service/src/factors/factors.fixture.ts'
import { createEnroller } from './enrolment.fixture.ts'

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

/** The steps of a person who gives second proofs. */
export const createProver = (rekey: Rekey) => {
  const { http, clock, postgres } = rekey
  const { enrolApp, giveRecoveryCodes } = createEnroller({
    databaseUrl: postgres.url,
    secretsFile: rekey.keys.passwordService,
    now: clock.now,
  })

  const prover = {
    enrolApp,

    /** Gives a customer an authenticator app and recovery codes. */
    async enrol(customer: TestCustomer): Promise<Enrolled> {
      const totp = await enrolApp(customer)
      const recoveryCodes = await giveRecoveryCodes(customer)
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
