import { type Background, runInBackground } from '@rekey/platform/background'
import type { Progress } from '@rekey/platform/progress'
import { runInTrace } from '@rekey/platform/trace'
import { lockCustomer } from '../customers/lock.ts'
import type { Database } from '../database.ts'
import { restoreWaitingNotifications } from '../notifications/notifications.ts'
import { addEvents } from '../outbox/outbox.store.ts'
import type { RunStatement } from '../statements.ts'
import { type Ended, expireWithin } from './end-waiting-restore.ts'
import { dueAt } from './waiting-restore.ts'
import { findDue, findWaiting, notifiedAddresses, storeTimes } from './waiting-restores.store.ts'
import type { WaitingDeps } from './waiting-restores.ts'

interface Deps extends WaitingDeps {
  loops: Database
  progress: Progress
}

const batchSize = 100
/** A notice is sent this much late, at most. */
const pollMs = 1_000
const backoffMs = { first: 250, most: 30_000 }

/**
 * Sends the notices of waiting restores, and ends those that nobody completed. A notice and its record commit together, so
 * that a service that is killed sends none twice and leaves none out. Every instance runs the loop; the lock of the
 * customer makes one of them act, and the others find nothing due.
 */
export const startDueWaitingRestores = (deps: Deps): Background => {
  const { loops, progress, now, random, log } = deps
  const report = progress.watch('waiting restores')

  const actWithin = async (run: RunStatement, customerId: number): Promise<Ended | undefined> => {
    const customer = await lockCustomer(run, customerId)
    const waiting = customer && (await findWaiting(run, customerId))
    if (!waiting) return undefined
    const { restore, at } = waiting
    const due = dueAt(restore, at)
    if (due.due === 'nothing') return undefined
    if (due.due === 'expiry') {
      const ended = await expireWithin(deps, run, customer, waiting)
      await addEvents(run, customer.code, now(), ended.events)
      return ended
    }
    const { notice, times } = due
    await storeTimes(run, restore.id, times)
    const addresses = await notifiedAddresses(run, customerId, new Date(now().getTime() - deps.newAddressMs))
    const about = { ...restore, ...times, notice }
    await addEvents(run, customer.code, now(), await restoreWaitingNotifications(deps, { customer, addresses }, about))
    return undefined
  }

  const actOn = async (customerId: number) => {
    const ended = await loops.runTransaction((run) => actWithin(run, customerId))
    ended?.report()
    report.moved()
  }

  const work = async (stopped: AbortSignal) => {
    try {
      for (const customerId of await findDue(loops, batchSize)) {
        if (stopped.aborted) return
        await runInTrace(random, undefined, () => actOn(customerId))
      }
      report.waiting(0)
    } catch (error) {
      report.waiting(1)
      throw error
    }
  }

  return runInBackground({ work, pollMs, backoffMs, waiting: 'notices of waiting restores are not sent yet', log })
}
