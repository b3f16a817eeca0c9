import type { Keys } from '@rekey/platform/keys'
import type { Random } from '@rekey/platform/random'
import type { Transaction } from '../database.ts'
import { sealSecret } from '../factor-secrets/factor-secret.ts'
import type { GivenTotp } from './customer-record.ts'

interface Deps {
  /** Undefined: no customer may be given with authenticator apps. */
  keys: { factor?: Keys | undefined }
  random: Random
}

/** A customer who was just created, with the authenticator apps that the platform gave. */
interface NewCustomer {
  customerId: number
  totps: GivenTotp[]
}

/**
 * Stores authenticator apps, in force at once, in two statements. Only of new customers: nothing but the customer and the
 * staff changes the factors of one who exists, and an app that was removed must not come back with the next import.
 */
export const storeTotps = async (
  tx: Transaction,
  { keys, random }: Deps,
  customers: NewCustomer[],
  at: Date,
): Promise<void> => {
  const { factor: factorKeys } = keys
  const given = customers.flatMap(({ customerId, totps }) => totps.map((totp) => ({ customerId, ...totp })))
  if (given.length === 0) return
  if (!factorKeys) throw new Error('authenticator apps are given without the key that seals their secrets')
  const rows = given.map(({ customerId, totp, periodSeconds, label }) => {
    const id = random.id()
    const { sealedSecret, sealKeyId } = sealSecret(factorKeys, { id, customerId }, totp)
    return { id, customer_id: customerId, label, sealed: sealedSecret, key_id: sealKeyId, period: periodSeconds }
  })
  await tx.$executeRaw`
    INSERT INTO factor
      (id, customer_id, kind, label, sealed_secret, seal_key_id, period_seconds, created_at, confirmed_at)
    SELECT id, customer_id, 'totp', label, sealed, key_id, period, ${at}::timestamptz, ${at}::timestamptz
    FROM json_to_recordset(${JSON.stringify(rows)}::json)
      AS given (id uuid, customer_id int, label text, sealed text, key_id text, period smallint)`
  const ids = [...new Set(given.map(({ customerId }) => customerId))]
  await tx.$executeRaw`UPDATE customer SET factor_kinds = '{totp}' WHERE id = ANY(${ids}::int[])`
}
