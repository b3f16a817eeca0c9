import type { Database } from '../database.ts'
import { prepared, type RunStatement } from '../statements.ts'

/** A factor in force whose secret is needed. */
export interface ProvingFactor {
  id: string
  customerId: number
  sealedSecret: string
}

export interface TotpFactor extends ProvingFactor {
  periodSeconds: number
  clockOffset: number
}

const methodsOf = prepared<{ kinds: string[]; recoveryCodesLeft: number }, [customer: string]>(
  'factor_methods',
  `SELECT c.factor_kinds::text[] AS kinds, (
    SELECT count(*)::int FROM factor f JOIN recovery_code r ON r.factor_id = f.id
    WHERE f.customer_id = c.id AND f.kind = 'recovery_codes' AND f.confirmed_at IS NOT NULL AND r.used_at IS NULL
  ) AS "recoveryCodesLeft"
  FROM customer c WHERE c.code = $1::text`,
)

const findTotps = prepared<TotpFactor, [customer: string, confirmedBefore: Date | null]>(
  'find_totps',
  `SELECT f.id, f.customer_id AS "customerId", f.sealed_secret AS "sealedSecret", f.period_seconds AS "periodSeconds",
    f.clock_offset AS "clockOffset"
  FROM customer c JOIN factor f ON f.customer_id = c.id
  WHERE c.code = $1::text AND f.kind = 'totp'
    AND f.confirmed_at <= coalesce($2::timestamptz, 'infinity') ORDER BY f.created_at, f.id`,
)

// Check and act in one statement: a second one of the same code waits for the row, and then finds the step used.
const takeStep = prepared<{ id: string }, [id: string, steps: number[], at: Date]>(
  'use_totp_step',
  `UPDATE factor SET last_used_at = $3::timestamptz,
    last_step = (SELECT min(step) FROM unnest($2::bigint[]) AS step WHERE step > last_step)
  WHERE id = $1::uuid AND confirmed_at IS NOT NULL AND last_step < (SELECT max(step) FROM unnest($2::bigint[]) AS step)
  RETURNING id`,
)

const findSet = prepared<ProvingFactor, [customerId: number]>(
  'find_recovery_codes',
  `SELECT id, customer_id AS "customerId", sealed_secret AS "sealedSecret" FROM factor
  WHERE customer_id = $1::int AND kind = 'recovery_codes' AND confirmed_at IS NOT NULL`,
)

/**
 * The code is used, and with it the current and the next time step: a recovery code is used where the phone is gone, and
 * who has it must not follow with its code.
 */
const takeRecoveryCode = prepared<
  { used: number; known: boolean; left: number },
  [setId: string, codeHmac: string, at: Date, customerId: number]
>(
  'use_recovery_code',
  `WITH used AS (
    UPDATE recovery_code SET used_at = $3::timestamptz
    WHERE factor_id = $1::uuid AND code_hmac = $2::text AND used_at IS NULL RETURNING code_hmac
  ), unused AS MATERIALIZED (
    SELECT count(*)::int AS n FROM recovery_code
    WHERE factor_id = $1::uuid AND used_at IS NULL AND code_hmac <> $2::text
  ), dated AS (
    UPDATE factor SET last_used_at = $3::timestamptz WHERE id = $1::uuid AND EXISTS (SELECT FROM used)
  ), steps AS (
    UPDATE factor SET last_step = GREATEST(
      last_step, floor(extract(epoch FROM $3::timestamptz) / period_seconds)::bigint + GREATEST(clock_offset, 0) + 1
    )
    WHERE customer_id = $4::int AND kind = 'totp' AND EXISTS (SELECT FROM used)
  ), last_one AS (
    UPDATE customer SET factor_kinds = array_remove(factor_kinds, 'recovery_codes')
    WHERE id = $4::int AND EXISTS (SELECT FROM used) AND (SELECT n FROM unused) = 0
  )
  SELECT (SELECT count(*)::int FROM used) AS used, (SELECT n FROM unused) AS left,
    EXISTS (SELECT FROM recovery_code WHERE factor_id = $1::uuid AND code_hmac = $2::text) AS known`,
)

/** The statements of second proofs. Each runs for unknown customers too, who have no rows: so they take equal time. */
export const createProofStore = (database: Database) => ({
  /** The kinds of a customer's factors in force, and how many recovery codes are unused; undefined if there is no such customer. */
  methodsOf: async (customer: string) => (await database.run(methodsOf, customer))[0],

  /** The customer's confirmed TOTPs, or those that were confirmed by a time; the oldest first. */
  findTotps: (customer: string, confirmedBefore: Date | undefined): Promise<TotpFactor[]> =>
    database.run(findTotps, customer, confirmedBefore ?? null),

  /** Uses up the first of these steps that is later than the last used one. @returns false if there is none (S54) */
  takeStep: async (factorId: string, steps: number[], at: Date): Promise<boolean> =>
    (await database.run(takeStep, factorId, steps, at)).length > 0,
})

export type ProofStore = ReturnType<typeof createProofStore>

/** The recovery codes in force of a locked customer. */
export const findRecoveryCodes = async (run: RunStatement, customerId: number): Promise<ProvingFactor | undefined> =>
  (await run(findSet, customerId))[0]

/** Uses up a recovery code of a locked customer. `known`: it is one of the set. `left`: the others that are unused. */
export const useRecoveryCode = async (
  run: RunStatement,
  setId: string,
  codeHmac: string,
  { at, customerId }: { at: Date; customerId: number },
): Promise<{ used: boolean; known: boolean; left: number }> => {
  const [row] = await run(takeRecoveryCode, setId, codeHmac, at, customerId)
  if (!row) throw new Error('Postgres returned no row')
  return { ...row, used: row.used > 0 }
}
