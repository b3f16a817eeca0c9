import type { Page, PasswordOperation, RecordOperation } from '@rekey/contracts'
import type { Database } from '../database.ts'
import { prepared } from '../statements.ts'
import type { ChainedChange } from './digest.ts'
import { isPasswordChange } from './history.store.ts'

/** A record as the API returns it; some of its fields to the back office only. */
export type ShownRecord<Operation extends RecordOperation = RecordOperation> = Omit<
  ChainedChange<Operation>,
  'customerId' | 'clientId'
>

/** A password change as the API returns it. */
export type ShownChange = ShownRecord<PasswordOperation>

/** A customer by the subject of its tokens, or by its id. */
export type CustomerKey = { code: string } | { id: number }

const shownColumns = `r.id, r.type, r.create_time AS "createTime", r.operation, r.actor, r.channel, r.ip, r.digest,
  r.hold_until AS "holdUntil", r.actor_id AS "actorId", r.approved_by AS "approvedBy", r.reason`

type Row = ShownRecord | { [Column in keyof ShownRecord]: null }

/** Total of an empty list whose records have no numbers yet: they are older than the table of numbers. */
type Listed = Row & { customerId: number; total: number; isUnnumbered: boolean }

/**
 * A page by the positions of its records, and the total, which is the last position without those that were deleted. Both
 * take the same time however long the history is. A page beyond the end, and an empty history, is one row without a record.
 */
const listStatement = (by: 'id' | 'code', type: 'int' | 'text') =>
  prepared<
    Listed,
    [customer: number | string, changesOnly: boolean, isDescending: boolean, limit: number, offset: number]
  >(
    `history_list_by_${by}`,
    `WITH list AS (
       SELECT c.id, coalesce(last.position, 0) - cut.positions AS total, cut.positions AS cut, last.position IS NULL
         AND NOT EXISTS (SELECT FROM history_entry e WHERE e.customer_id = c.id)
         AND EXISTS (SELECT FROM password_change r WHERE r.customer_id = c.id) AS "isUnnumbered"
       FROM customer c LEFT JOIN LATERAL (
         SELECT e.position FROM history_entry e WHERE e.customer_id = c.id AND e.changes_only = $2
         ORDER BY e.position DESC LIMIT 1
       ) last ON true CROSS JOIN LATERAL (
         SELECT coalesce(min(e.position) - 1, 0) AS positions FROM history_entry e
         WHERE e.customer_id = c.id AND e.changes_only = $2
       ) cut
       WHERE c.${by} = $1::${type}
     )
     SELECT list.id AS "customerId", list.total, list."isUnnumbered", ${shownColumns}
     FROM list
     LEFT JOIN history_entry e ON e.customer_id = list.id AND e.changes_only = $2
       AND e.position > list.cut + CASE WHEN $3 THEN list.total::bigint - $5::bigint - $4::bigint ELSE $5::bigint END
       AND e.position <= list.cut + CASE WHEN $3 THEN list.total::bigint - $5::bigint ELSE $5::bigint + $4::bigint END
     LEFT JOIN password_change r ON r.id = e.change_id
     ORDER BY e.position`,
  )

const listById = listStatement('id', 'int')
export const listByCode = listStatement('code', 'text')

/** One row for a customer, without a record if it is none of this list. */
const findStatement = (by: 'id' | 'code', type: 'int' | 'text') =>
  prepared<Row, [customer: number | string, changesOnly: boolean, id: number]>(
    `history_find_by_${by}`,
    `SELECT ${shownColumns} FROM customer c
     LEFT JOIN password_change r ON r.id = $3 AND r.customer_id = c.id AND (NOT $2 OR r.${isPasswordChange.text})
     WHERE c.${by} = $1::${type}`,
  )

const findById = findStatement('id', 'int')
const findByCode = findStatement('code', 'text')

const numberHistory = prepared<object, [customerIds: number[]]>('history_number', 'SELECT number_history($1::int[])')

/** The conditions of the statements decide on the operations. */
const isRecord = <Operation extends RecordOperation, Found extends Row>(
  row: Found,
): row is Found & ShownRecord<Operation> => row.id !== null

/** Reads one list of a customer's records. */
const createRecordStore = <Operation extends RecordOperation>(database: Database, changesOnly: boolean) => ({
  /** A page and the total. Undefined without such a customer. */
  async list(
    customer: CustomerKey,
    { limit, offset, sort_order }: Page,
  ): Promise<{ total: number; records: ShownRecord<Operation>[] } | undefined> {
    const isDescending = sort_order === 'desc'
    const read = () =>
      'id' in customer
        ? database.run(listById, customer.id, changesOnly, isDescending, limit, offset)
        : database.run(listByCode, customer.code, changesOnly, isDescending, limit, offset)
    let rows = await read()
    if (rows[0]?.isUnnumbered) {
      await database.run(numberHistory, [rows[0].customerId])
      rows = await read()
    }
    const [first] = rows
    if (!first) return undefined
    const records = rows.filter(isRecord<Operation, Listed>)
    return { total: first.total, records: isDescending ? records.reverse() : records }
  },

  /** One record. Undefined without such a customer, null if it is none of this list. */
  async find(customer: CustomerKey, id: number): Promise<ShownRecord<Operation> | null | undefined> {
    const [row] =
      'id' in customer
        ? await database.run(findById, customer.id, changesOnly, id)
        : await database.run(findByCode, customer.code, changesOnly, id)
    return row && (isRecord<Operation, Row>(row) ? row : null)
  },
})

export const createHistoryStore = (database: Database) => ({
  passwordChanges: createRecordStore<PasswordOperation>(database, true),
  records: createRecordStore<RecordOperation>(database, false),
})

export type HistoryStore = ReturnType<typeof createHistoryStore>
