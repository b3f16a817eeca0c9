import { sql } from '@rekey/test-support/customers'

/** A waiting restore, as it is stored. */
export interface WaitingRow {
  id: string
  customerId: number
  state: 'waiting' | 'completed' | 'vetoed' | 'expired'
  vetoedBy: string | null
  noticesSent: number
  /** History record of its opening. */
  changeId: number
}

/** A record of the history without a new password. */
export interface WaitingRecord {
  id: number
  customerId: number
  operation: string
}

/** How far a customer's second factor was used, as Postgres has it. */
export interface FactorUse {
  customerId: number
  kind: 'totp' | 'recovery_codes'
  /** The last time step that was used; 0: none. */
  lastStep: number
  /** Number of recovery codes that were used. */
  usedCodes: number
}

export interface SecondFactorState {
  waitingRestores: WaitingRow[]
  waitingRecords: WaitingRecord[]
  factors: FactorUse[]
}

/** Operations of the history that belong to waiting restores, and are no new password. */
export const waitingOperations = ['open_waiting_restore', 'veto_waiting_restore', 'expire_waiting_restore']

/** @param records history records before the run */
export const readSecondFactors = async (databaseUrl: string, records: number): Promise<SecondFactorState> => {
  const [waitingRestores, waitingRecords, factors] = await Promise.all([
    sql<WaitingRow>(
      databaseUrl,
      `SELECT id::text, customer_id AS "customerId", state::text, vetoed_by::text AS "vetoedBy",
         notices_sent AS "noticesSent", change_id AS "changeId"
       FROM waiting_restore ORDER BY change_id`,
    ),
    sql<WaitingRecord>(
      databaseUrl,
      `SELECT id, customer_id AS "customerId", operation::text FROM password_change
       WHERE id > $1 AND operation::text = ANY($2::text[]) ORDER BY id`,
      [records, waitingOperations],
    ),
    sql<FactorUse>(
      databaseUrl,
      `SELECT customer_id AS "customerId", kind::text, last_step::int AS "lastStep",
         (SELECT count(*)::int FROM recovery_code WHERE factor_id = f.id AND used_at IS NOT NULL) AS "usedCodes"
       FROM factor f`,
    ),
  ])
  return { waitingRestores, waitingRecords, factors }
}
