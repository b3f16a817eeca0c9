import type { Database } from './database.ts'
import { Prisma } from './generated/prisma/client.ts'

/** Deletes at most `limit` rows that are no longer needed. @returns how many */
export type Deletion = (now: Date, limit: number) => Promise<number>

interface Rows {
  table: string
  /** The time that an index of the table is in order of. */
  column: string
  /** What else the rows must be. */
  where?: Prisma.Sql
}

/** Deletes the oldest rows from before a time. Rows that another instance deletes now are skipped. */
export const deleteOldest = (loops: Database, rows: Rows, before: Date, limit: number): Promise<number> => {
  const [table, column] = [Prisma.raw(rows.table), Prisma.raw(rows.column)]
  return loops.query(
    (prisma) => prisma.$executeRaw`
      DELETE FROM ${table} WHERE ctid = ANY(ARRAY(
        SELECT ctid FROM ${table} WHERE ${column} < ${before} AND ${rows.where ?? Prisma.sql`true`}
        ORDER BY ${column} LIMIT ${limit} FOR UPDATE SKIP LOCKED
      ))`,
  )
}
