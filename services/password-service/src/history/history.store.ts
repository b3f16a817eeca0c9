import type { Page } from '@rekey/contracts'
import type { Database, Transaction } from '../database.ts'
import { Prisma } from '../generated/prisma/client.ts'
import { type ChainedChange, type ChangeRecord, digestOf, firstPreviousDigest } from './digest.ts'

/** A record as the API returns it. */
export interface ShownChange
  extends Pick<ChangeRecord, 'id' | 'type' | 'createTime' | 'operation' | 'actor' | 'channel' | 'ip' | 'holdUntil'> {
  digest: string
}

const shownColumns = Prisma.sql`c.id, c.type::text, c.create_time AS "createTime", c.operation::text, c.actor::text,
  c.channel, c.ip, c.digest, c.hold_until AS "holdUntil"`

/** The id of a customer's next record, and the last record, which it chains to. */
interface ChainEnd {
  customerId: number
  id: number
  digest: string | null
  createTime: Date | null
}

/**
 * Appends a record to the chain of each customer, in two statements. The transaction has the customers locked, so that
 * no other record comes between. A record is never dated before the previous one, even if two machines' clocks differ.
 */
export const appendChanges = async (tx: Transaction, changes: Omit<ChangeRecord, 'id'>[]): Promise<ChainedChange[]> => {
  // The left join returns a row also for a customer without records.
  const ends = await tx.$queryRaw<ChainEnd[]>`
    SELECT "customerId", nextval(pg_get_serial_sequence('password_change', 'id'))::int AS id,
           last.digest, last.create_time AS "createTime"
    FROM unnest(${changes.map(({ customerId }) => customerId)}::int[]) AS "customerId"
    LEFT JOIN LATERAL (
      SELECT digest, create_time FROM password_change
      WHERE customer_id = "customerId"
      ORDER BY create_time DESC, id DESC LIMIT 1
    ) AS last ON true`
  const endOf = new Map(ends.map((end) => [end.customerId, end]))
  const rows = changes.map((change) => {
    const end = endOf.get(change.customerId)
    if (!end) throw new Error('the end of a chain is missing')
    const createTime = new Date(Math.max(change.createTime.getTime(), end.createTime?.getTime() ?? 0))
    const record = { ...change, id: end.id, createTime, holdUntil: change.holdUntil ?? null }
    const previousDigest = end.digest ?? firstPreviousDigest
    return { ...record, previousDigest, digest: digestOf(previousDigest, record) }
  })
  await tx.passwordChange.createMany({ data: rows })
  return rows
}

/** Appends a record to the chain of one customer, whom the transaction has locked. */
export const appendChange = async (tx: Transaction, change: Omit<ChangeRecord, 'id'>): Promise<ChainedChange> => {
  const [chained] = await appendChanges(tx, [change])
  if (!chained) throw new Error('a record was not appended')
  return chained
}

export const createHistoryStore = (database: Database) => ({
  /** A page of a customer's records and their total, in one statement. */
  list: (
    customerCode: string,
    { limit, offset, sort_order }: Page,
  ): Promise<{ total: number; changes: ShownChange[] }> =>
    database.query(async (prisma) => {
      const order = sort_order === 'asc' ? Prisma.sql`"createTime" ASC, id ASC` : Prisma.sql`"createTime" DESC, id DESC`
      const rows = await prisma.$queryRaw<(ShownChange & { total: number })[]>`
        WITH mine AS (
          SELECT ${shownColumns} FROM password_change c JOIN customer ON customer.id = c.customer_id
          WHERE customer.code = ${customerCode}
        )
        SELECT counted.total, page.*
        FROM (SELECT count(*)::int AS total FROM mine) AS counted
        LEFT JOIN (SELECT * FROM mine ORDER BY ${order} LIMIT ${limit} OFFSET ${offset}) AS page ON true
        ORDER BY ${order}`
      // A page beyond the end is one row with the total only.
      return { total: rows[0]?.total ?? 0, changes: rows.filter(({ id }) => id !== null) }
    }),

  find: (customerCode: string, id: number): Promise<ShownChange | undefined> =>
    database.query(async (prisma) => {
      const [row] = await prisma.$queryRaw<ShownChange[]>`
        SELECT ${shownColumns} FROM password_change c JOIN customer ON customer.id = c.customer_id
        WHERE c.id = ${id} AND customer.code = ${customerCode}`
      return row
    }),
})

export type HistoryStore = ReturnType<typeof createHistoryStore>
