import type { Database, Transaction } from '../database.ts'
import type { Deletion } from '../deletion.ts'

interface Options {
  database: Database
  /** How many of a customer's former passwords are kept; 0: none. */
  kept: number
}

export interface FormerPasswordStore {
  /** Hashes of a customer's former passwords, the newest first. */
  list(customerId: number): Promise<string[]>
  /**
   * Within the customer's lock, before the credential is written: keeps the hash that is there, and no more than so many.
   * A temporary password was never the customer's own, and is not kept.
   */
  keep(tx: Transaction, customerId: number, at: Date): Promise<void>
}

/** Former passwords, only while new ones are compared with them. */
export const createFormerPasswordStore = ({ database, kept }: Options): FormerPasswordStore => ({
  async list(customerId) {
    if (kept === 0) return []
    const rows = await database.query((prisma) =>
      prisma.formerPassword.findMany({
        select: { hash: true },
        where: { customerId },
        orderBy: { id: 'desc' },
        take: kept,
      }),
    )
    return rows.map(({ hash }) => hash)
  },

  async keep(tx, customerId, at) {
    if (kept === 0) return
    await tx.$executeRaw`
      INSERT INTO former_password (customer_id, hash, replaced_at)
      SELECT customer_id, hash, ${at} FROM credential WHERE customer_id = ${customerId} AND temporary_until IS NULL`
    await tx.$executeRaw`
      DELETE FROM former_password WHERE customer_id = ${customerId} AND id <= (
        SELECT id FROM former_password WHERE customer_id = ${customerId} ORDER BY id DESC OFFSET ${kept} LIMIT 1
      )`
  },
})

/** Deletes former passwords where none is kept any more. */
export const deleteFormerPasswords =
  (loops: Database, kept: number): Deletion =>
  async (_now, limit) => {
    if (kept > 0) return 0
    return loops.query(
      (prisma) => prisma.$executeRaw`
        DELETE FROM former_password WHERE ctid = ANY(ARRAY(
          SELECT ctid FROM former_password ORDER BY id LIMIT ${limit} FOR UPDATE SKIP LOCKED
        ))`,
    )
  }
