import type { Page } from '@rekey/contracts'
import type { Database, Transaction } from '../database.ts'
import { Prisma } from '../generated/prisma/client.ts'
import { type ChainedChange, type ChangeRecord, digestOf, firstPreviousDigest } from './digest.ts'

/** A record as it is shown. */
export interface ShownChange
  extends Pick<ChangeRecord, 'id' | 'type' | 'createTime' | 'operation' | 'actor' | 'channel' | 'ip' | 'holdUntil'> {
  digest: string
}

const shownColumns = Prisma.sql`c.id, c.type::text, c.create_time AS "createTime", c.operation::text, c.actor::text,
  c.channel, c.ip, c.digest, c.hold_until AS "holdUntil"`

export interface HistoryStore {
  /**
   * Adds a record to a customer's chain. The caller's transaction holds the customer's row locked, so that no other
   * record comes between. Its time is never before the previous record's, also where two machines' clocks differ.
   */
  append(tx: Transaction, change: Omit<ChangeRecord, 'id'>): Promise<ChainedChange>
  /** The same for many customers, a record each, in two statements. */
  appendAll(tx: Transaction, changes: Omit<ChangeRecord, 'id'>[]): Promise<ChainedChange[]>
  /** A page of a customer's records, and how many there are: one statement. */
  list(customerCode: string, page: Page): Promise<{ total: number; changes: ShownChange[] }>
  find(customerCode: string, id: number): Promise<ShownChange | undefined>
}

/** What a customer's next record stands on. */
interface ChainEnd {
  customerId: number
  id: number
  digest: string | null
  createTime: Date | null
}

const appendAll: HistoryStore['appendAll'] = async (tx, changes) => {
  // One row each also for whoever has no record yet.
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

export const createHistoryStore = ({ database }: { database: Database }): HistoryStore => ({
  appendAll,

  async append(tx, change) {
    const [chained] = await appendAll(tx, [change])
    if (!chained) throw new Error('a record was not appended')
    return chained
  },

  list: (customerCode, { limit, offset, sort_order }) =>
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
      // A page beyond the end is one row that holds the total alone.
      return { total: rows[0]?.total ?? 0, changes: rows.filter(({ id }) => id !== null) }
    }),

  find: (customerCode, id) =>
    database.query(async (prisma) => {
      const [row] = await prisma.$queryRaw<ShownChange[]>`
        SELECT ${shownColumns} FROM password_change c JOIN customer ON customer.id = c.customer_id
        WHERE c.id = ${id} AND customer.code = ${customerCode}`
      return row
    }),
})
