import type { Job } from '@rekey/contracts'
import { type LockedCustomer, lockCustomers } from '../customers/lock.ts'
import type { Database, Transaction } from '../database.ts'
import type { NotificationDeps } from '../notifications/notifications.ts'
import { resetPasswords } from '../passwords/reset-passwords.ts'
import { jobColumns } from './jobs.store.ts'

interface Deps extends NotificationDeps {
  loops: Database
}

/** What became of a batch. */
export type Batch =
  | { result: 'no job' }
  | { result: 'done'; job: Job & { id: string } }
  /** `customerId`: the first of the batch, none if the job could not be taken. */
  | { result: 'failed'; error: unknown; jobId?: string; customerId?: number | undefined }

/** More than a batch takes, less than a service may take to close. */
const batchTimeoutMs = 6_000

interface JobRow {
  id: string
  actorId: string
  clientId: string
  ip: string
  approvedBy: string | null
  reason: string | null
  createdAt: Date
  done: number
  failed: number
  lastCustomerId: number
  upToCustomerId: number
}

/** Locks the running job, unless another instance has locked it. */
const takeJob = async (tx: Transaction): Promise<JobRow | undefined> => {
  const [row] = await tx.$queryRaw<JobRow[]>`
    SELECT id::text, actor_id AS "actorId", client_id AS "clientId", ip, approved_by AS "approvedBy", reason,
           created_at AS "createdAt", done, failed, last_customer_id AS "lastCustomerId",
           up_to_customer_id AS "upToCustomerId"
    FROM job WHERE state = 'running' ORDER BY created_at LIMIT 1 FOR UPDATE SKIP LOCKED`
  return row
}

const findNext = async (tx: Transaction, { lastCustomerId, upToCustomerId }: JobRow, size: number) => {
  const customers = await tx.$queryRaw<{ id: number }[]>`
    SELECT id FROM customer WHERE id > ${lastCustomerId} AND id <= ${upToCustomerId} ORDER BY id LIMIT ${size}`
  return customers.map(({ id }) => id)
}

/**
 * Those of these customers, who are locked, whose password was neither replaced nor reset since the job's start. The others
 * have what the job demands, and keep the session in which they replaced it.
 */
const findUnchanged = async (tx: Transaction, { createdAt }: JobRow, customers: LockedCustomer[]) => {
  const changed = await tx.$queryRaw<{ id: number }[]>`
    SELECT DISTINCT customer_id AS id FROM password_change
    WHERE customer_id = ANY(${customers.map(({ id }) => id)}) AND create_time >= ${createdAt}`
  const ids = new Set(changed.map(({ id }) => id))
  return customers.filter(({ id }) => !ids.has(id))
}

const recordProgress = (
  tx: Transaction,
  job: JobRow,
  customerIds: number[],
  isLast: boolean,
  at: Date,
): Promise<Job> => {
  const done = job.done + customerIds.length
  // The total may have been an estimate until now.
  const end = isLast && { state: 'done' as const, finishedAt: at, total: done + job.failed }
  return tx.job.update({
    where: { id: job.id },
    data: { done, lastCustomerId: customerIds.at(-1) ?? job.lastCustomerId, ...end },
    select: jobColumns,
  })
}

/** Resets the next `size` customers of the running job. Its progress commits with them: none is reset twice. */
export const resetBatch = async (deps: Deps, size: number): Promise<Batch> => {
  let taken: { jobId: string; customerId: number | undefined } | undefined
  const reset = async (tx: Transaction): Promise<Batch> => {
    const job = await takeJob(tx)
    if (!job) return { result: 'no job' }
    const customerIds = await findNext(tx, job, size)
    taken = { jobId: job.id, customerId: customerIds[0] }
    const { actorId: id, clientId, ip } = job
    const by = { id, clientId, ip, approvedBy: job.approvedBy ?? undefined, reason: job.reason ?? undefined }
    const customers = customerIds.length > 0 ? await lockCustomers(tx, customerIds) : []
    const unchanged = customers.length > 0 ? await findUnchanged(tx, job, customers) : []
    if (unchanged.length > 0) await resetPasswords(tx, deps, unchanged, { by, jobId: job.id })
    const progress = await recordProgress(tx, job, customerIds, customerIds.length < size, deps.now())
    return { result: 'done', job: { id: job.id, ...progress } }
  }
  try {
    return await deps.loops.transaction(reset, { timeoutMs: batchTimeoutMs })
  } catch (error) {
    return { result: 'failed', error, ...taken }
  }
}
