import type { Job } from '@rekey/contracts'
import type { Database, Transaction } from '../database.ts'

/** A running job, and the back-office user who started it. */
export interface RunningJob {
  id: string
  actorId: string
  clientId: string
  ip: string
  approvedBy: string | null
}

interface Row extends RunningJob {
  total: number
  done: number
  failed: number
  lastCustomerId: number
  upToCustomerId: number
}

/** Advisory lock that serializes starts, so that two requests do not each start a job. No other lock may have this number. */
const startLock = 7_281_401

/**
 * A larger total is estimated from the density of the first ids. Counting all rows can exceed the statement time-out:
 * after a job has updated each customer, and before a vacuum, a million rows took 2 s.
 */
const countedUpTo = 100_000

/** Longer than a batch takes, shorter than the shutdown of a service may take. */
const stepTimeoutMs = 6_000

const progress = { state: true, total: true, done: true, failed: true } as const

interface Deps {
  database: Database
  /** Database for the statements of the worker. */
  loops: Database
}

export const createJobStore = ({ database, loops }: Deps) => ({
  /**
   * Starts a job for all current customers, unless a job is running: two at once would reset each customer twice.
   * `alongside` runs in the same transaction; if it throws, no job is started.
   *
   * @returns the id of the running job
   */
  start: (
    { id, ...job }: Omit<RunningJob, 'approvedBy'> & { approvedBy: string | undefined },
    at: Date,
    alongside?: (tx: Transaction) => Promise<void>,
  ): Promise<{ jobId: string; total: number; isNew: boolean }> =>
    database.transaction(async (tx) => {
      await alongside?.(tx)
      await tx.$executeRaw`SELECT pg_advisory_xact_lock(${startLock})`
      const running = await tx.job.findFirst({ where: { state: 'running' } })
      if (running) return { jobId: running.id, total: running.total, isNew: false }
      const [customers] = await tx.$queryRaw<[{ last: number; total: number }]>`
        WITH counted AS (
          SELECT count(*)::int AS first, max(id) AS last
          FROM (SELECT id FROM customer ORDER BY id LIMIT ${countedUpTo + 1}) AS one_by_one
        ), whole AS (SELECT coalesce(max(id), 0) AS last FROM customer)
        SELECT whole.last, CASE
          WHEN counted.first <= ${countedUpTo} THEN counted.first
          ELSE round(counted.first::numeric * whole.last / counted.last)::int
        END AS total
        FROM counted, whole`
      const { last, total } = customers
      await tx.job.create({
        data: { ...job, id, approvedBy: job.approvedBy ?? null, total, upToCustomerId: last, createdAt: at },
      })
      return { jobId: id, total, isNew: true }
    }),

  find: (id: string): Promise<Job | undefined> =>
    database.query(async (prisma) => (await prisma.job.findUnique({ where: { id }, select: progress })) ?? undefined),

  /** Cancels a running job. @returns the job afterwards, and whether this call cancelled it */
  cancel: (id: string, at: Date): Promise<{ job: Job; stopped: boolean } | undefined> =>
    database.transaction(async (tx) => {
      const { count } = await tx.job.updateMany({
        where: { id, state: 'running' },
        data: { state: 'cancelled', finishedAt: at },
      })
      const job = await tx.job.findUnique({ where: { id }, select: progress })
      return job ? { job, stopped: count > 0 } : undefined
    }),

  /** The last customer id that the running job has processed. */
  findPosition: (): Promise<number | undefined> =>
    loops.query(async (prisma) => {
      const [job] = await prisma.$queryRaw<{ position: number }[]>`
        SELECT last_customer_id AS position FROM job WHERE state = 'running' ORDER BY created_at LIMIT 1`
      return job?.position
    }),

  /**
   * Locks the running job, unless another instance has locked it, and processes its next `size` customers. `work` and the
   * job's progress commit together, so that no customer is processed twice.
   *
   * @returns undefined if no job was free
   */
  step: (
    size: number,
    at: Date,
    work: (tx: Transaction, job: RunningJob, customerIds: number[]) => Promise<void>,
  ): Promise<{ job: RunningJob & Job } | undefined> =>
    loops.transaction(
      async (tx) => {
        const [row] = await tx.$queryRaw<Row[]>`
          SELECT id::text, actor_id AS "actorId", client_id AS "clientId", ip, approved_by AS "approvedBy",
                 total, done, failed, last_customer_id AS "lastCustomerId", up_to_customer_id AS "upToCustomerId"
          FROM job WHERE state = 'running' ORDER BY created_at LIMIT 1 FOR UPDATE SKIP LOCKED`
        if (!row) return undefined
        const customers = await tx.$queryRaw<{ id: number }[]>`
          SELECT id FROM customer WHERE id > ${row.lastCustomerId} AND id <= ${row.upToCustomerId}
          ORDER BY id LIMIT ${size}`
        const ids = customers.map(({ id }) => id)
        const { id, actorId, clientId, ip, approvedBy } = row
        const job = { id, actorId, clientId, ip, approvedBy }
        if (ids.length > 0) await work(tx, job, ids)
        const done = row.done + ids.length
        // The total may have been an estimate: replace it by the exact number.
        const end = ids.length < size && { state: 'done' as const, finishedAt: at, total: done + row.failed }
        const now = await tx.job.update({
          where: { id },
          data: { done, lastCustomerId: ids.at(-1) ?? row.lastCustomerId, ...end },
          select: progress,
        })
        return { job: { ...job, ...now } }
      },
      { timeoutMs: stepTimeoutMs },
    ),

  /** Counts a customer as failed and skips it. @returns false if another instance has processed it in the meantime */
  async skipCustomer(jobId: string, customerId: number): Promise<boolean> {
    const { count } = await loops.query((prisma) =>
      prisma.job.updateMany({
        where: { id: jobId, state: 'running', lastCustomerId: { lt: customerId } },
        data: { failed: { increment: 1 }, lastCustomerId: customerId },
      }),
    )
    return count > 0
  },
})

export type JobStore = ReturnType<typeof createJobStore>
