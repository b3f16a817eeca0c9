import type { Database, Transaction } from '../database.ts'
import type { Deletion } from '../deletion.ts'

interface Options {
  database: Database
  /** How many of a customer's former passwords are kept; 0: none. */
  kept: number
}

/** Former passwords, kept only while new ones are compared with them. */
export const createFormerPasswordStore = ({ database, kept }: Options) => ({
  /** Hashes of a customer's former passwords, the newest first. */
  async list(customerId: number): Promise<string[]> {
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
})

export type FormerPasswordStore = ReturnType<typeof createFormerPasswordStore>

/**
 * Keeps the current password of a locked customer before a new one is stored, and no more than `kept` in all. A temporary
 * password is not kept: the customer did not choose it.
 */
export const keepFormerPassword = async (
  tx: Transaction,
  customerId: number,
  { kept, at }: { kept: number; at: Date },
): Promise<void> => {
  if (kept === 0) return
  await tx.$executeRaw`
    INSERT INTO former_password (customer_id, hash, replaced_at)
    SELECT customer_id, hash, ${at} FROM credential WHERE customer_id = ${customerId} AND temporary_until IS NULL`
  await tx.$executeRaw`
    DELETE FROM former_password WHERE customer_id = ${customerId} AND id <= (
      SELECT id FROM former_password WHERE customer_id = ${customerId} ORDER BY id DESC OFFSET ${kept} LIMIT 1
    )`
}

/** Deletes all former passwords if the configuration stores none. */
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
