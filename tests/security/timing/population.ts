import { toKeys } from '@rekey/platform/keys'
import { systemRandom } from '@rekey/platform/random'
import { sql } from '@rekey/test-support/customers'
import { sealSecret } from '../../../services/password-service/src/factor-secrets/factor-secret.ts'
import { newTotp } from '../../../services/password-service/src/factor-secrets/totp.ts'
import { newRecoveryCodes } from '../../../services/password-service/src/factors/recovery-codes.ts'
import { unknownEmail } from '../requests.ts'

/** E-mail addresses of equal length without an account. */
export const newAddresses = (count: number): string[] => Array.from({ length: count }, unknownEmail)

/** Creates a customer for each address, with the hashes in turn. */
export const createCustomers = async (databaseUrl: string, addresses: string[], hashes: string[]): Promise<void> => {
  await sql(
    databaseUrl,
    `WITH given AS (
       SELECT address, ($2::text[])[1 + (place - 1) % cardinality($2::text[])] AS hash
       FROM unnest($1::text[]) WITH ORDINALITY AS given (address, place)
     ), made AS (
       INSERT INTO customer (code) SELECT address FROM given RETURNING id, code
     ), identifiers AS (
       INSERT INTO identifier (customer_id, kind, value, verified_at) SELECT id, 'email', code, now() FROM made
     )
     INSERT INTO credential (customer_id, hash, updated_at)
     SELECT id, hash, now() FROM made JOIN given ON address = code`,
    [addresses, hashes],
  )
  await sql(databaseUrl, 'ANALYZE')
}

/** Gives each of these customers an authenticator app and recovery codes. Their secrets are never opened before a proof. */
export const giveFactors = async (databaseUrl: string, factorKeys: string, addresses: string[]): Promise<void> => {
  const keys = toKeys(factorKeys)
  const customers = await sql<{ id: number }>(databaseUrl, 'SELECT id FROM customer WHERE code = ANY($1)', [addresses])
  const rows = customers.flatMap(({ id: customerId }) =>
    [
      { kind: 'totp', secret: newTotp() },
      { kind: 'recovery_codes', secret: newRecoveryCodes(systemRandom).key },
    ].map(({ kind, secret }) => {
      const id = systemRandom.id()
      const { sealedSecret, sealKeyId } = sealSecret(keys, { id, customerId }, secret)
      return { id, customer_id: customerId, kind, sealed: sealedSecret, key_id: sealKeyId }
    }),
  )
  await sql(
    databaseUrl,
    `WITH changed AS (
       UPDATE customer SET factor_kinds = '{totp,recovery_codes}' WHERE code = ANY($2)
     ), made AS (
       INSERT INTO factor (id, customer_id, kind, label, sealed_secret, seal_key_id, created_at, confirmed_at)
       SELECT id, customer_id, kind, 'phone', sealed, key_id, now(), now()
       FROM json_to_recordset($1::json)
         AS given (id uuid, customer_id int, kind factor_kind, sealed text, key_id text)
       RETURNING id, kind
     )
     INSERT INTO recovery_code (factor_id, code_hmac)
     SELECT id, n::text FROM made, generate_series(1, 10) AS n WHERE kind = 'recovery_codes'`,
    [JSON.stringify(rows), addresses],
  )
  await sql(databaseUrl, 'ANALYZE')
}
