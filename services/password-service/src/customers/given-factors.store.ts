import type { Keys } from '@rekey/platform/keys'
import type { Random } from '@rekey/platform/random'
import type { Transaction } from '../database.ts'
import { sealSecret } from '../factor-secrets/factor-secret.ts'
import type { GivenCustomer } from './customer-record.ts'

interface Deps {
  /** Undefined: no customer may be given with second factors. */
  keys: { factor?: Keys | undefined }
  random: Random
}

/** A customer who was just created, with the second factors that the platform gave. */
interface NewCustomer extends Pick<GivenCustomer, 'totps' | 'passkeys'> {
  customerId: number
}

const toRows = ({ keys, random }: Deps, customers: NewCustomer[]) => {
  const seal = (customerId: number, secret: object | string) => {
    if (!keys.factor) throw new Error('second factors are given without the key that seals their secrets')
    const id = random.id()
    const { sealedSecret, sealKeyId } = sealSecret(keys.factor, { id, customerId }, secret)
    return { id, customer_id: customerId, sealed: sealedSecret, key_id: sealKeyId }
  }
  return customers.flatMap(({ customerId, totps, passkeys }) => [
    ...totps.map(({ totp, periodSeconds, label }) => ({
      ...seal(customerId, totp),
      kind: 'totp',
      label,
      period: periodSeconds,
    })),
    ...passkeys.map(({ publicKey, credentialId, counter, transports, backedUp, aaguid, label }) => ({
      ...seal(customerId, publicKey),
      kind: 'passkey',
      label,
      credential_id: credentialId,
      counter,
      transports,
      backed_up: backedUp,
      aaguid,
    })),
  ])
}

/**
 * Stores second factors, in force at once, in three statements. Only of new customers: nothing but the customer and the
 * staff changes the factors of one who exists, and one that was removed must not come back with the next import.
 */
export const storeFactors = async (tx: Transaction, deps: Deps, customers: NewCustomer[], at: Date): Promise<void> => {
  const rows = toRows(deps, customers)
  if (rows.length === 0) return
  await tx.$executeRaw`
    INSERT INTO factor
      (id, customer_id, kind, label, sealed_secret, seal_key_id, period_seconds, created_at, confirmed_at)
    SELECT id, customer_id, kind, label, sealed, key_id, coalesce(period, 30), ${at}::timestamptz, ${at}::timestamptz
    FROM json_to_recordset(${JSON.stringify(rows)}::json)
      AS given (id uuid, customer_id int, kind factor_kind, label text, sealed text, key_id text, period smallint)`
  const passkeys = rows.filter(({ kind }) => kind === 'passkey')
  if (passkeys.length > 0) {
    // One that is backed up may be so; of another, its first use says whether it may.
    await tx.$executeRaw`
      INSERT INTO passkey (factor_id, credential_id, counter, transports, is_backup_eligible, is_backed_up, aaguid)
      SELECT id, credential_id, counter, ARRAY(SELECT json_array_elements_text(transports)), nullif(backed_up, false),
        backed_up, aaguid
      FROM json_to_recordset(${JSON.stringify(passkeys)}::json)
        AS given (id uuid, credential_id text, counter bigint, transports json, backed_up boolean, aaguid uuid)`
  }
  await tx.$executeRaw`
    UPDATE customer SET factor_kinds = given.kinds
    FROM (
      SELECT customer_id, array_agg(DISTINCT kind) AS kinds
      FROM json_to_recordset(${JSON.stringify(rows)}::json) AS row (customer_id int, kind factor_kind) GROUP BY 1
    ) AS given
    WHERE customer.id = given.customer_id`
}

/** The codes of the customers who have these passkeys, by credential id. */
export const passkeyHoldersOf = async (tx: Transaction, credentialIds: string[]): Promise<Map<string, string>> => {
  if (credentialIds.length === 0) return new Map()
  const rows = await tx.$queryRaw<{ credentialId: string; code: string }[]>`
    SELECT p.credential_id AS "credentialId", c.code
    FROM passkey p JOIN factor f ON f.id = p.factor_id JOIN customer c ON c.id = f.customer_id
    WHERE p.credential_id = ANY(${credentialIds}::text[])`
  return new Map(rows.map(({ credentialId, code }) => [credentialId, code]))
}
