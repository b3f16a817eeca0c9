import type { Database } from './database.ts'
import { Prisma } from './generated/prisma/client.ts'

/** Deletes at most `limit` rows that are no longer needed. @returns the number of deleted rows */
export type Deletion = (now: Date, limit: number) => Promise<number>

interface Rows {
  table: string
  /** An indexed time column. */
  column: string
  /** A further condition. */
  where?: Prisma.Sql
}

/** Deletes the oldest rows before a time. Skips rows that another instance is deleting. */
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
