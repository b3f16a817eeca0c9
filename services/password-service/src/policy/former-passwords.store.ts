import type { Database } from '../database.ts'
import type { Deletion } from '../deletion.ts'
import { prepared, type RunStatement } from '../statements.ts'

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

const insertFormer = prepared<never, [customerId: number, at: Date]>(
  'insert_former_password',
  `INSERT INTO former_password (customer_id, hash, replaced_at)
  SELECT customer_id, hash, $2::timestamptz FROM credential WHERE customer_id = $1::int AND temporary_until IS NULL`,
)

const deleteFormer = prepared<never, [customerId: number, kept: number]>(
  'delete_former_passwords',
  `DELETE FROM former_password WHERE customer_id = $1::int AND id <= (
    SELECT id FROM former_password WHERE customer_id = $1::int ORDER BY id DESC OFFSET $2::int LIMIT 1
  )`,
)

/**
 * Keeps the current password of a locked customer before a new one is stored, and no more than `kept` in all. A temporary
 * password is not kept: the customer did not choose it.
 */
export const keepFormerPassword = async (
  run: RunStatement,
  customerId: number,
  { kept, at }: { kept: number; at: Date },
): Promise<void> => {
  if (kept === 0) return
  await run(insertFormer, customerId, at)
  await run(deleteFormer, customerId, kept)
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
