import type { Job } from '@rekey/contracts'
import type { Database } from '../database.ts'
import type { Prisma } from '../generated/prisma/client.ts'
import type { Staff } from '../staff/staff.ts'

/** Columns of a job as the API returns it. */
export const jobColumns = { state: true, total: true, done: true, failed: true } as const

/** A job with who asked for it, when and why. */
export interface StoredJob extends Job {
  id: string
  createdAt: Date
  finishedAt: Date | null
  actorId: string
  approvedBy: string | null
  reason: string | null
  cancelledBy: string | null
  cancelReason: string | null
}

const listedColumns = {
  id: true,
  ...jobColumns,
  createdAt: true,
  finishedAt: true,
  actorId: true,
  approvedBy: true,
  reason: true,
  cancelledBy: true,
  cancelReason: true,
} satisfies Prisma.JobSelect

interface Deps {
  database: Database
  /** For the worker. */
  loops: Database
}

export const createJobStore = ({ database, loops }: Deps) => ({
  find: (id: string): Promise<Job | undefined> =>
    database.query(async (prisma) => (await prisma.job.findUnique({ where: { id }, select: jobColumns })) ?? undefined),

  /** A page of all jobs, newest first, and their total: a bank has a few in its life. */
  list: ({ limit, offset }: { limit: number; offset: number }): Promise<{ total: number; jobs: StoredJob[] }> =>
    database.query(async (prisma) => {
      const order = [{ createdAt: 'desc' as const }, { id: 'desc' as const }]
      const [total, jobs] = await Promise.all([
        prisma.job.count(),
        prisma.job.findMany({ select: listedColumns, orderBy: order, take: limit, skip: offset }),
      ])
      return { total, jobs }
    }),

  /** Cancels a running job. @returns the job as it is now, and whether it was running */
  cancel: (
    id: string,
    by: Pick<Staff, 'id' | 'reason'>,
    at: Date,
  ): Promise<{ job: Job; stopped: boolean } | undefined> =>
    database.transaction(async (tx) => {
      const { count } = await tx.job.updateMany({
        where: { id, state: 'running' },
        data: { state: 'cancelled', finishedAt: at, cancelledBy: by.id, cancelReason: by.reason ?? null },
      })
      const job = await tx.job.findUnique({ where: { id }, select: jobColumns })
      return job ? { job, stopped: count > 0 } : undefined
    }),

  /** The last customer that the running job has dealt with. */
  findPosition: (): Promise<number | undefined> =>
    loops.query(async (prisma) => {
      const [job] = await prisma.$queryRaw<{ position: number }[]>`
        SELECT last_customer_id AS position FROM job WHERE state = 'running' ORDER BY created_at LIMIT 1`
      return job?.position
    }),

  /** Counts a customer as failed and skips it, unless another instance has passed it. @returns whether it did */
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
