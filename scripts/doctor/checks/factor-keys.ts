import { type Keys, toKeys } from '@rekey/platform/keys'
import type pg from 'pg'
import { openSecret } from '../../../services/password-service/src/factor-secrets/factor-secret.ts'
import { type Finding, fail, ok } from '../finding.ts'

/** One secret of those that a key sealed. */
interface Sample {
  keyId: string
  id: string
  customerId: number
  sealedSecret: string
}

/** The ids, each found by one look into the index, however many secrets a key has sealed; and the first secret of each. */
const query = `
  WITH RECURSIVE keys AS (
    (SELECT seal_key_id AS id FROM factor ORDER BY seal_key_id LIMIT 1)
    UNION ALL
    SELECT (SELECT seal_key_id FROM factor WHERE seal_key_id > keys.id ORDER BY seal_key_id LIMIT 1)
    FROM keys WHERE keys.id IS NOT NULL
  )
  SELECT keys.id AS "keyId", f.id, f.customer_id AS "customerId", f.sealed_secret AS "sealedSecret"
  FROM keys, LATERAL (SELECT * FROM factor WHERE seal_key_id = keys.id ORDER BY factor.id LIMIT 1) AS f`

/** A table is missing, or the role may not read it: other checks say so. */
const reportedElsewhere = ['42P01', '42501']

const nameOf = (keyId: string) => (keyId === '' ? 'a key without an id' : `the key ${keyId}`)

const judge = async (keys: Keys, { keyId, ...sample }: Sample): Promise<Finding> => {
  if (!keys.all.some(({ id = '' }) => id === keyId)) {
    return fail(
      `Postgres has second factors that ${nameOf(keyId)} sealed, and REKEY_FACTOR_SEAL_KEY lacks it: they are refused`,
      'add that key to the list again: docs/operations.md, "Secret keys"',
    )
  }
  return openSecret(keys, sample, sample.sealedSecret).then(
    () => ok(`${nameOf(keyId)} opens what it sealed`),
    () =>
      fail(
        `${nameOf(keyId)} in REKEY_FACTOR_SEAL_KEY is another than the one that sealed second factors in Postgres`,
        'use the keys of the time of this database: docs/operations.md, "Secret keys"',
      ),
  )
}

/** Compares the keys that sealed second factors in Postgres with those of the configuration (S52). */
export const factorKeyFindings = async (client: pg.Pool, factorKeys: string): Promise<Finding[]> => {
  const keys = toKeys(factorKeys)
  try {
    const { rows } = await client.query<Sample>(query)
    return rows.length > 0
      ? await Promise.all(rows.map((row) => judge(keys, row)))
      : [ok('there are no second factors')]
  } catch (error) {
    if (!reportedElsewhere.includes(String((error as { code?: string }).code))) throw error
    return [{ level: 'skip', text: 'not checked: needs the table factor, and the right to read it' }]
  }
}
