import type { Job } from '@rekey/contracts'
import type { Database, Transaction } from '../database.ts'

/** A job at work, and who wanted it. */
export interface RunningJob {
  id: string
  actorId: string
  clientId: string
  ip: string
  approvedBy: string | null
}

export interface JobStore {
  /**
   * Starts a job for every customer that there is by now, unless one is running: two at once would do everything twice.
   * `alongside` runs in the same transaction, and by throwing undoes it.
   *
   * @returns the id of the job that runs now
   */
  start(
    job: Omit<RunningJob, 'approvedBy'> & { approvedBy: string | undefined },
    at: Date,
    alongside?: (tx: Transaction) => Promise<void>,
  ): Promise<{ jobId: string; total: number; isNew: boolean }>
  find(id: string): Promise<Job | undefined>
  /** Stops a job that runs. @returns the job as it is then, and whether it ran until now */
  cancel(id: string, at: Date): Promise<{ job: Job; stopped: boolean } | undefined>
  /** How far the running job is, as the id of its last customer. */
  findPosition(): Promise<number | undefined>
  /**
   * Takes the running job, unless another instance has it in hand, and does its next `size` customers: `work` and the
   * job's note of how far it is commit together, so that no customer is dealt with twice.
   *
   * @returns undefined where there was nothing to take
   */
  step(
    size: number,
    at: Date,
    work: (tx: Transaction, job: RunningJob, customerIds: number[]) => Promise<void>,
  ): Promise<{ job: RunningJob & Job } | undefined>
  /** Counts a customer as failed and goes on behind it, unless another instance has come by. @returns whether it did */
  passOver(jobId: string, customerId: number): Promise<boolean>
}

interface Row extends RunningJob {
  total: number
  done: number
  failed: number
  lastCustomerId: number
  upToCustomerId: number
}

/** Keeps two starts from each seeing that no job runs. Any number does, as long as nothing else uses it. */
const startLock = 7_281_401

/**
 * Counting more may take longer than a statement may: after a job has written every customer, before the table is
 * vacuumed, a million took 2 s. How dense the first ids are tells of the others.
 */
const countedUpTo = 100_000

/** Longer than a batch takes, shorter than a service may take to close. */
const stepTimeoutMs = 6_000

const progress = { state: true, total: true, done: true, failed: true } as const

interface Deps {
  database: Database
  /** For what the worker does again and again. */
  loops: Database
}

export const createJobStore = ({ database, loops }: Deps): JobStore => ({
  start: ({ id, ...job }, at, alongside) =>
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

  find: (id) =>
    database.query(async (prisma) => (await prisma.job.findUnique({ where: { id }, select: progress })) ?? undefined),

  cancel: (id, at) =>
    database.transaction(async (tx) => {
      const { count } = await tx.job.updateMany({
        where: { id, state: 'running' },
        data: { state: 'cancelled', finishedAt: at },
      })
      const job = await tx.job.findUnique({ where: { id }, select: progress })
      return job ? { job, stopped: count > 0 } : undefined
    }),

  findPosition: () =>
    loops.query(async (prisma) => {
      const [job] = await prisma.$queryRaw<{ position: number }[]>`
        SELECT last_customer_id AS position FROM job WHERE state = 'running' ORDER BY created_at LIMIT 1`
      return job?.position
    }),

  step: (size, at, work) =>
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
        // What was counted at the start may have been an estimate.
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

  async passOver(jobId, customerId) {
    const { count } = await loops.query((prisma) =>
      prisma.job.updateMany({
        where: { id: jobId, state: 'running', lastCustomerId: { lt: customerId } },
        data: { failed: { increment: 1 }, lastCustomerId: customerId },
      }),
    )
    return count > 0
  },
})
