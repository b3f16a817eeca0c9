import type { RecordOperation } from '@rekey/contracts'
import type { Transaction } from '../database.ts'
import { Prisma } from '../generated/prisma/client.ts'
import { type AnyTransaction, prepared, runIn } from '../statements.ts'
import { type ChainedChange, type ChangeRecord, digestOf, firstPreviousDigest } from './digest.ts'

/** SQL condition: the record is a password change, which the published history lists. */
export const isPasswordChange = Prisma.sql`operation IN ('change', 'restore', 'reset', 'set')`

/** The id of a customer's next record, and the last record, which it chains to, also if that was deleted because of its age. */
interface ChainEnd {
  customerId: number
  id: number
  digest: string | null
  createTime: Date | null
}

// The left join returns a row also for a customer without records. The sub-select keeps the length of the array from the
// planner: otherwise it would plan anew for each.
const readEnds = prepared<ChainEnd, [customerIds: number[]]>(
  'read_chain_ends',
  `SELECT "customerId", nextval(pg_get_serial_sequence('password_change', 'id'))::int AS id,
    coalesce(last.digest, (SELECT a.digest FROM history_anchor a WHERE a.customer_id = "customerId")) AS digest,
    last.create_time AS "createTime"
  FROM unnest((SELECT $1::int[])) AS "customerId"
  LEFT JOIN LATERAL (
    SELECT digest, create_time FROM password_change
    WHERE customer_id = "customerId"
    ORDER BY create_time DESC, id DESC LIMIT 1
  ) AS last ON true`,
)

const insertChanges = prepared<never, [changes: string]>(
  'insert_changes',
  `INSERT INTO password_change (id, customer_id, type, operation, actor, actor_id, approved_by, reason, client_id,
    channel, ip, create_time, hold_until, previous_digest, digest)
  SELECT id, "customerId", type, operation, actor, "actorId", "approvedBy", reason, "clientId",
    channel, ip, "createTime", "holdUntil", "previousDigest", digest
  FROM json_to_recordset($1::json) AS r (
    id int, "customerId" int, type change_type, operation change_operation, actor change_actor, "actorId" text,
    "approvedBy" text, reason text, "clientId" text, channel text, ip text, "createTime" timestamptz,
    "holdUntil" timestamptz, "previousDigest" text, digest text
  )`,
)

/**
 * Appends a record to the chain of each customer, in two statements. The transaction has the customers locked, so that
 * no other record comes between. A record is never dated before the previous one, even if two machines' clocks differ.
 */
export const appendChanges = async <Operation extends RecordOperation>(
  tx: AnyTransaction,
  changes: Omit<ChangeRecord<Operation>, 'id'>[],
): Promise<ChainedChange<Operation>[]> => {
  const customerIds = changes.map(({ customerId }) => customerId)
  const ends = await runIn(tx, readEnds, customerIds)
  const endOf = new Map(ends.map((end) => [end.customerId, end]))
  const rows = changes.map((change) => {
    const end = endOf.get(change.customerId)
    if (!end) throw new Error('the end of a chain is missing')
    const createTime = new Date(Math.max(change.createTime.getTime(), end.createTime?.getTime() ?? 0))
    const { holdUntil = null, approvedBy = null, reason = null } = change
    const record = { ...change, id: end.id, createTime, holdUntil, approvedBy, reason }
    const previousDigest = end.digest ?? firstPreviousDigest
    return { ...record, previousDigest, digest: digestOf(previousDigest, record) }
  })
  await runIn(tx, insertChanges, JSON.stringify(rows))
  return rows
}

/** Appends a record to the chain of one customer, whom the transaction has locked. */
export const appendChange = async <Operation extends RecordOperation>(
  tx: AnyTransaction,
  change: Omit<ChangeRecord<Operation>, 'id'>,
): Promise<ChainedChange<Operation>> => {
  const [chained] = await appendChanges(tx, [change])
  if (!chained) throw new Error('a record was not appended')
  return chained
}

/** True if a later record blocked the locked customer, or began a recovery hold. */
export const hasBegunSince = async (
  tx: Transaction,
  what: 'block' | 'hold',
  customerId: number,
  since: Date,
): Promise<boolean> => {
  const begins = what === 'block' ? { operation: 'block' as const } : { holdUntil: { not: null } }
  const where = { customerId, createTime: { gt: since }, ...begins }
  return (await tx.passwordChange.findFirst({ where, select: { id: true } })) !== null
}
