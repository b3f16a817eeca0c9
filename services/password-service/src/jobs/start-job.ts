import { AllPasswordsResetRequested } from '@rekey/contracts'
import type { Now } from '@rekey/platform/clock'
import type { Random } from '@rekey/platform/random'
import type { Database, Transaction } from '../database.ts'
import { newEvent } from '../outbox/event.ts'
import { addEvents } from '../outbox/outbox.store.ts'
import { raiseNotBefore } from '../sessions/not-before.store.ts'
import { type ApprovalDecision, decideApproval } from '../staff/decide-approval.ts'
import type { Mandate } from '../staff/staff.ts'

interface Deps {
  database: Database
  now: Now
  random: Random
}

/** Key of the advisory lock that serialises starts. Any number will do, as long as nothing else uses it. */
const startLock = 7_281_401

/**
 * Customers are counted up to here; the total of more is estimated from the density of the first ids. A full count can
 * exceed the statement timeout: just after a job, before a vacuum, a million took 2 s.
 */
const countedUpTo = 100_000

const countCustomers = async (tx: Transaction): Promise<{ last: number; total: number }> => {
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
  return customers
}

/**
 * Starts a job that resets the passwords of all present customers and ends every session at once, unless one is running: two at once would reset each
 * customer twice.
 *
 * @returns the job that runs now
 * @throws RekeyError already_decided, unavailable
 */
export const startJob = (
  { database, now, random }: Deps,
  by: Mandate,
  approval?: ApprovalDecision,
): Promise<{ jobId: string; total: number; isNew: boolean }> =>
  database.transaction(async (tx) => {
    if (approval) await decideApproval(tx, approval)
    await tx.$executeRaw`SELECT pg_advisory_xact_lock(${startLock})`
    const running = await tx.job.findFirst({ where: { state: 'running' } })
    if (running) return { jobId: running.id, total: running.total, isNew: false }
    const { last, total } = await countCustomers(tx)
    const at = now()
    const jobId = random.id()
    const { id: actorId, clientId, ip, approvedBy, reason } = by
    const staff = { actorId, clientId, ip }
    await tx.job.create({
      data: {
        id: jobId,
        ...staff,
        approvedBy: approvedBy ?? null,
        reason: reason ?? null,
        total,
        upToCustomerId: last,
        createdAt: at,
      },
    })
    // The job takes hours to reach the last of many customers: their sessions must not wait for it.
    await raiseNotBefore(tx, at)
    const about = {
      jobId,
      notBefore: at.toISOString(),
      total,
      ...staff,
      ...(approvedBy !== undefined && { approvedBy }),
    }
    await addEvents(tx, jobId, at, [newEvent(AllPasswordsResetRequested, random.id(), about)])
    return { jobId, total, isNew: true }
  })
