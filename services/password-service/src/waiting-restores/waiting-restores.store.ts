import type { Address, Veto } from '@rekey/contracts'
import { confirmedAddressesSql } from '../customers/confirmed-addresses.ts'
import { formerAddressesSql } from '../customers/former-addresses.store.ts'
import type { Database } from '../database.ts'
import { type Deletion, deleteOldest } from '../deletion.ts'
import { type AnyTransaction, prepared, type RunStatement, runIn } from '../statements.ts'
import type { WaitingRestore, WaitingTimes } from './waiting-restore.ts'

/** A waiting restore, and the time of Postgres' clock at which it was read. */
export interface WaitingNow {
  restore: WaitingRestore
  at: Date
}

/** The same as Postgres' JSON. */
export interface WaitingJson extends Record<keyof WaitingRestore, unknown> {
  at: string
}

const columns = `'id', w.id, 'state', w.state, 'kind', w.kind, 'challengeId', w.challenge_id, 'clientId', w.client_id,
  'ip', w.ip, 'changeId', w.change_id, 'openedAt', w.opened_at, 'endsAt', w.ends_at, 'expiresAt', w.expires_at,
  'noticesSent', w.notices_sent, 'actAt', w.act_at, 'finishedAt', w.finished_at, 'vetoedBy', w.vetoed_by,
  'endedEarlyAt', w.ended_early_at, 'at', clock_timestamp()`

const asJson = (which: string) => `(SELECT json_build_object(${columns}) FROM waiting_restore w WHERE ${which})`

/** SQL for the restore of the customer `c` that waits, as JSON; NULL without one. */
export const waitingRestoreSql = asJson(`w.customer_id = c.id AND w.state = 'waiting'`)

/** SQL for the restore of the customer `c` that waits, else the latest one; NULL without any. */
const lastSql = asJson(`w.id = (
  SELECT id FROM waiting_restore WHERE customer_id = c.id ORDER BY (state = 'waiting') DESC, opened_at DESC LIMIT 1
)`)

const times = ['openedAt', 'endsAt', 'expiresAt', 'actAt', 'finishedAt', 'endedEarlyAt'] as const

export const readWaiting = (json: WaitingJson | null): WaitingNow | undefined => {
  if (!json) return undefined
  const { at, ...stored } = json
  const dates = Object.fromEntries(times.map((name) => [name, stored[name] && new Date(String(stored[name]))]))
  return { restore: { ...stored, ...dates } as WaitingRestore, at: new Date(at) }
}

interface OpeningRow {
  isOpen: boolean
  isSpent: boolean
  failures: Date[] | null
  last: WaitingJson | null
  now: Date
}

const readOpening = prepared<OpeningRow, [customerId: number, challengeId: string]>(
  'read_waiting_opening',
  `SELECT r.challenge_id IS NOT NULL AS "isOpen",
    EXISTS (SELECT FROM spent_token WHERE jti = $2::uuid) AS "isSpent",
    (SELECT array_agg(failed_at) FROM restore_failure WHERE customer_id = c.id) AS failures,
    ${lastSql} AS last, clock_timestamp() AS now
  FROM customer c LEFT JOIN restore_request r ON r.challenge_id = $2::uuid AND r.customer_id = c.id
  WHERE c.id = $1::int`,
)

/** What decides about an opening, of a locked customer. */
export const findForOpening = async (tx: AnyTransaction, customerId: number, challengeId: string) => {
  const [row] = await runIn(tx, readOpening, customerId, challengeId)
  if (!row) throw new Error('a locked customer is gone')
  const { last, now, failures, ...grant } = row
  return { ...grant, failures: failures ?? [], last: readWaiting(last)?.restore, at: now }
}

const readOne = prepared<{ json: WaitingJson | null }, [customerId: number]>(
  'read_waiting_restore',
  `SELECT ${waitingRestoreSql} AS json FROM customer c WHERE c.id = $1::int`,
)

/** The restore of a locked customer that waits. */
export const findWaiting = async (tx: AnyTransaction, customerId: number): Promise<WaitingNow | undefined> =>
  readWaiting((await runIn(tx, readOne, customerId))[0]?.json ?? null)

const readLast = prepared<{ json: WaitingJson | null }, [customerId: number]>(
  'read_last_waiting_restore',
  `SELECT ${lastSql} AS json FROM customer c WHERE c.id = $1::int`,
)

/** The restore of a customer that waits, else the latest one of the last month. */
export const findLast = async (
  run: RunStatement | AnyTransaction,
  customerId: number,
): Promise<WaitingNow | undefined> => readWaiting((await runIn(run, readLast, customerId))[0]?.json ?? null)

const readByRecord = prepared<{ json: WaitingJson | null }, [customerId: number, changeId: number]>(
  'read_waiting_restore_of_record',
  `SELECT ${asJson('w.customer_id = $1::int AND w.change_id = $2::int')} AS json`,
)

/** The restore of a locked customer whose opening is this record of the history. */
export const findByRecord = async (
  tx: AnyTransaction,
  customerId: number,
  changeId: number,
): Promise<WaitingNow | undefined> =>
  readWaiting((await runIn(tx, readByRecord, customerId, changeId))[0]?.json ?? null)

const notified = prepared<{ addresses: Address[]; formerAddresses: Address[] }, [customerId: number, lostAfter: Date]>(
  'read_waiting_addresses',
  `SELECT ${confirmedAddressesSql.text} AS addresses, ${formerAddressesSql('$2')} AS "formerAddresses"
  FROM customer c WHERE c.id = $1::int`,
)

/** The addresses that are told: the confirmed ones, and those that were lost after a time (S43). */
export const notifiedAddresses = async (
  tx: AnyTransaction,
  customerId: number,
  lostAfter: Date,
): Promise<Address[]> => {
  const [row] = await runIn(tx, notified, customerId, lostAfter)
  return row ? [...row.addresses, ...row.formerAddresses] : []
}

const insertOne = prepared<
  never,
  [
    id: string,
    customerId: number,
    kind: Address['kind'],
    challengeId: string,
    clientId: string,
    ip: string,
    changeId: number,
    openedAt: Date,
    endsAt: Date,
    expiresAt: Date,
    actAt: Date,
  ]
>(
  'insert_waiting_restore',
  `INSERT INTO waiting_restore (id, customer_id, kind, challenge_id, client_id, ip, change_id, opened_at, ends_at,
    expires_at, act_at)
  VALUES ($1::uuid, $2::int, $3::identifier_kind, $4::uuid, $5, $6, $7::int, $8::timestamptz, $9::timestamptz,
    $10::timestamptz, $11::timestamptz)`,
)

export const insertWaiting = async (
  tx: AnyTransaction,
  customerId: number,
  restore: Pick<WaitingRestore, 'id' | 'kind' | 'challengeId' | 'clientId' | 'ip' | 'changeId'> & WaitingTimes,
): Promise<void> => {
  const { id, kind, challengeId, clientId, ip, changeId, openedAt, endsAt, expiresAt, actAt } = restore
  const about = [id, customerId, kind, challengeId, clientId, ip, changeId] as const
  await runIn(tx, insertOne, ...about, openedAt, endsAt, expiresAt, actAt)
}

const moveOne = prepared<never, [id: string, endsAt: Date, expiresAt: Date, noticesSent: number, actAt: Date]>(
  'move_waiting_restore',
  `UPDATE waiting_restore SET ends_at = $2::timestamptz, expires_at = $3::timestamptz, notices_sent = $4::smallint,
    act_at = $5::timestamptz
  WHERE id = $1::uuid AND state = 'waiting'`,
)

export const storeTimes = async (tx: AnyTransaction, id: string, next: WaitingTimes): Promise<void> => {
  await runIn(tx, moveOne, id, next.endsAt, next.expiresAt, next.noticesSent, next.actAt)
}

const endWaitOfOne = prepared<never, [id: string, at: Date, expiresAt: Date, noticesSent: number, actAt: Date]>(
  'end_wait_of_restore',
  `UPDATE waiting_restore SET ends_at = $2::timestamptz, ended_early_at = $2::timestamptz, expires_at = $3::timestamptz,
    notices_sent = $4::smallint, act_at = $5::timestamptz
  WHERE id = $1::uuid AND state = 'waiting'`,
)

/** Stores the times of a wait that the staff end. */
export const storeEndOfWait = async (tx: AnyTransaction, id: string, next: WaitingTimes): Promise<void> => {
  await runIn(tx, endWaitOfOne, id, next.endsAt, next.expiresAt, next.noticesSent, next.actAt)
}

const finishOne = prepared<
  { id: string },
  [id: string, state: Exclude<WaitingRestore['state'], 'waiting'>, at: Date, vetoedBy: Veto | null]
>(
  'finish_waiting_restore',
  `UPDATE waiting_restore SET state = $2::waiting_restore_state, finished_at = $3::timestamptz,
    vetoed_by = $4::waiting_restore_veto
  WHERE id = $1::uuid AND state = 'waiting' RETURNING id`,
)

/** Stores the outcome. It has one: a restore that has ended stays as it is. */
export const finishWaiting = async (
  tx: AnyTransaction,
  id: string,
  {
    state,
    at,
    vetoedBy = null,
  }: { state: Exclude<WaitingRestore['state'], 'waiting'>; at: Date; vetoedBy?: Veto | null },
): Promise<void> => {
  const ended = await runIn(tx, finishOne, id, state, at, vetoedBy)
  if (ended.length !== 1) throw new Error('a waiting restore of a locked customer has ended meanwhile')
}

const listDue = prepared<{ customerId: number }, [limit: number]>(
  'due_waiting_restores',
  `SELECT customer_id AS "customerId" FROM waiting_restore WHERE state = 'waiting' AND act_at <= clock_timestamp()
  ORDER BY act_at LIMIT $1::int`,
)

/** Customers whose waiting restore is due, those first that were due first. */
export const findDue = async (loops: Database, limit: number): Promise<number[]> =>
  (await loops.run(listDue, limit)).map(({ customerId }) => customerId)

const waitsFor = prepared<{ id: number }, [code: string]>(
  'customer_with_waiting_restore',
  `SELECT c.id FROM customer c JOIN waiting_restore w ON w.customer_id = c.id AND w.state = 'waiting' WHERE c.code = $1`,
)

/** The id of the customer with this code, if a restore waits. */
export const findWaitingCustomer = async (database: Database, code: string): Promise<number | undefined> =>
  (await database.run(waitsFor, code))[0]?.id

const listAll = prepared<{ json: WaitingJson | null }, [customerId: number, limit: number]>(
  'list_waiting_restores',
  `SELECT (SELECT json_build_object(${columns}) WHERE w.id IS NOT NULL) AS json
  FROM customer c LEFT JOIN LATERAL (
    SELECT * FROM waiting_restore WHERE customer_id = c.id ORDER BY opened_at DESC LIMIT $2::int
  ) w ON true
  WHERE c.id = $1::int`,
)

/** A customer's restores, newest first; undefined without such a customer. */
export const listWaiting = async (
  database: Database,
  customerId: number,
  limit: number,
): Promise<WaitingNow[] | undefined> => {
  const rows = await database.run(listAll, customerId, limit)
  if (rows.length === 0) return undefined
  return rows.flatMap(({ json }) => readWaiting(json) ?? [])
}

const keptMs = 30 * 86_400_000

/** Deletes restores that ended a month ago. */
export const deleteFinishedRestores =
  (loops: Database): Deletion =>
  (now, limit) =>
    deleteOldest(loops, { table: 'waiting_restore', column: 'finished_at' }, new Date(now.getTime() - keptMs), limit)
