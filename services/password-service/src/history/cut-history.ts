import type { Database } from '../database.ts'
import type { Deletion } from '../deletion.ts'

/**
 * Deletes the oldest history records, those from before `months` ago. The function of the migrations reads them in the
 * order of ids, and stores of each customer the digest that the remaining chain begins from.
 */
export const cutHistory =
  (loops: Database, months: number): Deletion =>
  async (now, limit) => {
    const [row] = await loops.query(
      (prisma) => prisma.$queryRaw<[{ cut: number }]>`
        SELECT cut_history(${now}::timestamptz - make_interval(months => ${months}::int), ${limit}::int, ${now}::timestamptz)
          AS cut`,
    )
    return row.cut
  }
