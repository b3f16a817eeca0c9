import { sql } from '@rekey/test-support/customers'
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
