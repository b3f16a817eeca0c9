import { readFileSync } from 'node:fs'
import { parseEnv } from 'node:util'
import {
  type Factor,
  FactorsList,
  FactorsVerify,
  type FactorsVerifyRequest,
  type PasskeyCreation,
  RequestPasskey,
  VerifyPasskey,
} from '@rekey/contracts'
import { toKeys } from '@rekey/platform/keys'
import { systemRandom } from '@rekey/platform/random'
import { callRpc } from '@rekey/platform/rpc'
import { type Authenticator, createAuthenticator, type Deviation } from '@rekey/test-support/authenticator'
import { eventually } from '@rekey/test-support/eventually'
import { startPasswordService } from '@rekey/test-support/password-service'
import { generateSync } from 'otplib'
import type { Test } from 'tap'
import { sealSecret } from '../factor-secrets/factor-secret.ts'
import { newTotp, stepAt } from '../factor-secrets/totp.ts'
import { newRecoveryCodes } from './recovery-codes.ts'

/** Where the service's passkeys are used. */
export const passkeyOrigin = 'http://localhost:8080'
const passkeyPath = '/api/v2/my/factors/passkey'

export interface TestFactor {
  id: string
  secret: string
}

/** The code of a time step of 30 s, by the library's own parameters. */
export const codeOf = ({ secret }: Pick<TestFactor, 'secret'>, step: number): string =>
  generateSync({ secret, epoch: step * 30 })

/** The code that an authenticator app shows, by the library's own parameters. */
export const codeOfTotp = (
  {
    secret,
    algorithm = 'sha1',
    digits = 6,
    period = 30,
  }: { secret: string; algorithm?: 'sha1' | 'sha256' | 'sha512'; digits?: 6 | 7 | 8; period?: number },
  at: Date,
): string => generateSync({ secret, algorithm, digits, period, epoch: Math.floor(at.getTime() / 1_000) })

/**
 * Checks that of parallel submissions one is right. A busy machine answers some of them 503, perhaps the right one.
 *
 * @param submissions each resolves to whether it was right
 */
export const race = async (t: Test, submissions: Promise<boolean>[]): Promise<void> => {
  const settled = await Promise.allSettled(submissions)
  const answers = settled.flatMap((one) => (one.status === 'fulfilled' ? one.value : []))
  const right = answers.filter(Boolean).length
  t.ok(right === 1 || (right === 0 && answers.length < settled.length), `${right} of ${answers.length}`)
}

/** Starts a password-service, with the RPCs of factors and factors in force. */
export const startWithFactors = async (t: Test, env: Record<string, string> = {}) => {
  const service = await startPasswordService(t, { env })
  const { query, clock, broker, variables, http, bearer, grant } = service
  const secrets = parseEnv(readFileSync(variables.REKEY_SECRETS_FILE, 'utf8'))
  const keys = toKeys(secrets.REKEY_FACTOR_SEAL_KEY ?? '')

  const store = async (
    customerId: number,
    kind: string,
    clockOffset: number,
    secret: (id: string) => object | string,
  ) => {
    const id = systemRandom.id()
    const { sealedSecret, sealKeyId } = sealSecret(keys, { id, customerId }, secret(id))
    await query(
      `INSERT INTO factor (id, customer_id, kind, label, sealed_secret, seal_key_id, clock_offset, created_at, confirmed_at)
       VALUES ($1, $2, $3, 'phone', $4, $5, $6, $7, $7)`,
      [id, customerId, kind, sealedSecret, sealKeyId, clockOffset, clock.now()],
    )
    await query('UPDATE customer SET factor_kinds = array_append(factor_kinds, $2::factor_kind) WHERE id = $1', [
      customerId,
      kind,
    ])
    return id
  }

  /** Headers of a request of C1 to C6. */
  const asCustomer = ({ code }: { code: string }, successToken = grant('changeFactors', code)) => ({
    authorization: bearer(code),
    successToken,
  })
  /** C4, its first half. */
  const passkeyOptions = (headers: ReturnType<typeof asCustomer>) =>
    http.send<PasskeyCreation>('POST', `${passkeyPath}/options`, headers)
  /** C4, its second half. */
  const addPasskey = (credential: unknown, headers: ReturnType<typeof asCustomer>, label = 'My phone') =>
    http.post<Factor>(passkeyPath, { label, credential }, headers)
  /** Asks for an assertion (`factors.request-passkey`). */
  const requestPasskey = async ({ code: customer }: { code: string }, challengeId: string = systemRandom.id()) => {
    // A busy machine may take longer than the limit of an RPC; nothing is stored, so it can be asked again.
    const { publicKey } = await eventually(() => callRpc(broker, RequestPasskey, { customer, challengeId }))
    if (!publicKey) throw new Error('the customer has no passkey')
    return { publicKey, challengeId }
  }
  const verifyPasskey = (
    { code: customer }: { code: string },
    challengeId: string,
    credential: ReturnType<Authenticator['get']>,
  ) => {
    const about = { purpose: 'restore', clientId: 'ib_localhost', ip: '203.0.113.7' } as const
    return callRpc(broker, VerifyPasskey, { customer, challengeId, credential, ...about })
  }

  return {
    ...service,
    keys,
    asCustomer,
    requestPasskey,
    verifyPasskey,

    passkeyOptions,
    addPasskey,

    /** Enrols an authenticator of a customer. */
    async enrolPasskey(
      customer: { code: string },
      authenticator: Authenticator = createAuthenticator({ origin: passkeyOrigin }),
    ) {
      const headers = asCustomer(customer)
      const { body } = await passkeyOptions(headers)
      const answer = await addPasskey(authenticator.create(body), headers)
      if (answer.status !== 201) throw new Error(`C4 was answered ${answer.status} ${answer.text}`)
      return { authenticator, factor: answer.body }
    },

    /** Asks for an assertion, and verifies it. */
    async provePasskey(customer: { code: string }, authenticator: Authenticator, deviation: Deviation = {}) {
      const { publicKey, challengeId } = await requestPasskey(customer)
      return verifyPasskey(customer, challengeId, authenticator.get(publicKey, deviation))
    },

    secrets,
    /** The number of the current time step, of which most is left: a busy machine must not reach the next one. */
    step() {
      const passedMs = clock.now().getTime() % 30_000
      if (passedMs > 5_000) clock.advance(30_000 - passedMs)
      return stepAt(clock.now(), 30)
    },

    /** Gives a customer a confirmed TOTP. */
    async enrolTotp(customerId: number, clockOffset = 0): Promise<TestFactor> {
      const totp = newTotp()
      return { id: await store(customerId, 'totp', clockOffset, () => totp), secret: totp.secret }
    },

    /** Gives a customer recovery codes. */
    async giveRecoveryCodes(customerId: number): Promise<string[]> {
      const { key, codes, hmacs } = newRecoveryCodes(systemRandom)
      const id = await store(customerId, 'recovery_codes', 0, () => key)
      await query('INSERT INTO recovery_code (factor_id, code_hmac) SELECT $1, unnest($2::text[])', [id, hmacs])
      return codes
    },

    list: (customer: string) => callRpc(broker, FactorsList, { customer }),

    /** Verifies a code. @returns true if it was right */
    prove: async (
      { code: customer }: { code: string },
      method: FactorsVerifyRequest['method'],
      code: string,
    ): Promise<boolean> => {
      const request = { customer, method, code, challengeId: systemRandom.id(), purpose: 'restore' as const }
      return (await callRpc(broker, FactorsVerify, request)).isRight
    },
  }
}

export type WithFactors = Awaited<ReturnType<typeof startWithFactors>>
