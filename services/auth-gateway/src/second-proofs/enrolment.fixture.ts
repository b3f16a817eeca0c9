import { readFileSync } from 'node:fs'
import { parseEnv } from 'node:util'
import { toKeys } from '@rekey/platform/keys'
import { systemRandom } from '@rekey/platform/random'
import { sql, type TestCustomer } from '@rekey/test-support/customers'
import { sealSecret } from '../../../password-service/src/factor-secrets/factor-secret.ts'
import { newTotp, usualPeriodSeconds } from '../../../password-service/src/factor-secrets/totp.ts'
import { newRecoveryCodes } from '../../../password-service/src/factors/recovery-codes.ts'

/** How long ago the factors were enrolled: none is young. */
const enrolledMs = 30 * 24 * 3_600_000

interface Deps {
  databaseUrl: string
  /** Path of the password-service's secrets. */
  secretsFile: string
  now(): Date
}

type Enrolling = Pick<TestCustomer, 'id'>

/** Gives customers second factors that are in force, in the database. */
export const createEnroller = ({ databaseUrl, secretsFile, now }: Deps) => {
  const keys = toKeys(parseEnv(readFileSync(secretsFile, 'utf8')).REKEY_FACTOR_SEAL_KEY ?? '')

  const store = async (
    { id: customerId }: Enrolling,
    kind: 'totp' | 'recovery_codes',
    secret: object | string,
    periodSeconds = usualPeriodSeconds,
  ) => {
    const id = systemRandom.id()
    const { sealedSecret, sealKeyId } = sealSecret(keys, { id, customerId }, secret)
    await sql(
      databaseUrl,
      `WITH told AS (
         UPDATE customer SET factor_kinds = array_append(factor_kinds, $3::factor_kind) WHERE id = $2
       )
       INSERT INTO factor (id, customer_id, kind, label, sealed_secret, seal_key_id, period_seconds, created_at, confirmed_at)
       VALUES ($1, $2, $3::factor_kind, 'phone', $4, $5, $6, $7, $7)`,
      [id, customerId, kind, sealedSecret, sealKeyId, periodSeconds, new Date(now().getTime() - enrolledMs)],
    )
    return id
  }

  return {
    /** Gives a customer an authenticator app. */
    async enrolApp(customer: Enrolling, periodSeconds?: number) {
      const totp = newTotp()
      await store(customer, 'totp', totp, periodSeconds)
      return totp
    },

    /** Gives a customer recovery codes. @returns the codes */
    async giveRecoveryCodes(customer: Enrolling): Promise<string[]> {
      const { key, codes, hmacs } = newRecoveryCodes(systemRandom)
      const id = await store(customer, 'recovery_codes', key)
      await sql(databaseUrl, 'INSERT INTO recovery_code (factor_id, code_hmac) SELECT $1, unnest($2::text[])', [
        id,
        hmacs,
      ])
      return codes
    },
  }
}
