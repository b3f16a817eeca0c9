import type { Page, PasswordOperation, RecordOperation } from '@rekey/contracts'
import type { Database } from '../database.ts'
import { prepared } from '../statements.ts'
import { together } from '../together.ts'
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
type Listed = Row & { place: number; customerId: number | null; total: number; isUnnumbered: boolean }

/** A page of one list of a customer, as the statement has it. `key`: the customer's id or code. */
interface ListCall {
  key: number | string
  changes_only: boolean
  is_descending: boolean
  size: number
  skipped: number
}

/**
 * Pages by the positions of their records, and the totals, which are the last positions without those that were deleted.
 * Both take the same time however long a history is. A page beyond the end, and an empty history, is one row without a
 * record; a customer that does not exist is one without an id. `OFFSET 0` plans the page of each call by itself: a plan for
 * many would read whole tables.
 */
const listStatement = (by: 'id' | 'code', type: 'int' | 'text') =>
  prepared<Listed, [calls: string]>(
    `history_lists_by_${by}`,
    `SELECT a.place, page.*
     FROM json_to_recordset($1::json) AS a (
       place int, key ${type}, changes_only boolean, is_descending boolean, size bigint, skipped bigint
     )
     LEFT JOIN LATERAL (
       WITH list AS (
         SELECT c.id, coalesce(last.position, 0) - cut.positions AS total, cut.positions AS cut, last.position IS NULL
           AND NOT EXISTS (SELECT FROM history_entry e WHERE e.customer_id = c.id)
           AND EXISTS (SELECT FROM password_change r WHERE r.customer_id = c.id) AS "isUnnumbered"
         FROM customer c LEFT JOIN LATERAL (
           SELECT e.position FROM history_entry e WHERE e.customer_id = c.id AND e.changes_only = a.changes_only
           ORDER BY e.position DESC LIMIT 1
         ) last ON true CROSS JOIN LATERAL (
           SELECT coalesce(min(e.position) - 1, 0) AS positions FROM history_entry e
           WHERE e.customer_id = c.id AND e.changes_only = a.changes_only
         ) cut
         WHERE c.${by} = a.key
       )
       SELECT list.id AS "customerId", list.total, list."isUnnumbered", e.position, ${shownColumns}
       FROM list
       LEFT JOIN history_entry e ON e.customer_id = list.id AND e.changes_only = a.changes_only
         AND e.position > list.cut + CASE WHEN a.is_descending THEN list.total - a.skipped - a.size ELSE a.skipped END
         AND e.position <= list.cut + CASE WHEN a.is_descending THEN list.total - a.skipped ELSE a.skipped + a.size END
       LEFT JOIN password_change r ON r.id = e.change_id
       OFFSET 0
     ) AS page ON true
     ORDER BY a.place, page.position`,
  )

const listById = listStatement('id', 'int')
export const listByCode = listStatement('code', 'text')

/** Answers pages of lists, all that are asked for at the same time by one statement. */
const createLists = (database: Database, statement: typeof listById) =>
  together(async (calls: readonly ListCall[]) => {
    const rows = await database.run(statement, JSON.stringify(calls.map((call, place) => ({ place, ...call }))))
    const pages = calls.map((): Listed[] => [])
    for (const row of rows) if (row.customerId !== null) pages[row.place]?.push(row)
    return pages
  })

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

interface Lists {
  byId: ReturnType<typeof createLists>
  byCode: ReturnType<typeof createLists>
}

/** Reads one list of a customer's records. */
const createRecordStore = <Operation extends RecordOperation>(
  database: Database,
  lists: Lists,
  changesOnly: boolean,
) => ({
  /** A page and the total. Undefined without such a customer. */
  async list(
    customer: CustomerKey,
    { limit, offset, sort_order }: Page,
  ): Promise<{ total: number; records: ShownRecord<Operation>[] } | undefined> {
    const isDescending = sort_order === 'desc'
    const page = { changes_only: changesOnly, is_descending: isDescending, size: limit, skipped: offset }
    const read = () =>
      'id' in customer
        ? lists.byId({ key: customer.id, ...page })
        : lists.byCode({ key: customer.code.toWellFormed(), ...page })
    let rows = await read()
    const [{ isUnnumbered, customerId } = {}] = rows
    if (isUnnumbered && customerId) {
      await database.run(numberHistory, [customerId])
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

export const createHistoryStore = (database: Database) => {
  const lists = { byId: createLists(database, listById), byCode: createLists(database, listByCode) }
  return {
    passwordChanges: createRecordStore<PasswordOperation>(database, lists, true),
    records: createRecordStore<RecordOperation>(database, lists, false),
  }
}

export type HistoryStore = ReturnType<typeof createHistoryStore>
