import { PasswordResetRequested } from '@rekey/contracts'
import type { Now } from '@rekey/platform/clock'
import type { Random } from '@rekey/platform/random'
import type { Transaction } from '../database.ts'
import type { Notices } from '../notifications/notifications.ts'
import { newEvent } from '../outbox/event.ts'
import { factOf } from '../passwords/facts.ts'
import type { ResetRecord, ResetStore } from '../passwords/reset-passwords.ts'
import type { Mandate } from '../staff/staff.ts'

interface Deps {
  store: ResetStore
  notices: Pick<Notices, 'resetRequested'>
  now: Now
  random: Random
}

/** B9: a customer is signed out, and has to change the password at the next sign-in. */
export const createResets = ({ store, notices, now, random }: Deps) => {
  const recordOf = ({ id, clientId, ip }: Mandate): ResetRecord => ({
    type: 'changed',
    operation: 'reset',
    actor: 'back_office',
    actorId: id,
    clientId,
    channel: 'api',
    ip,
    createTime: now(),
  })

  const announcing =
    ({ approvedBy }: Mandate, jobId?: string): Parameters<ResetStore['reset']>[3] =>
    async (reset) => [
      newEvent(PasswordResetRequested, random.id(), {
        ...factOf(reset),
        ...(approvedBy !== undefined && { approvedBy }),
        ...(jobId !== undefined && { jobId }),
      }),
      ...(await notices.resetRequested(reset)),
    ]

  return {
    /** `alongside` runs in the same transaction; by throwing it undoes the reset. @throws RekeyError not_found, unavailable */
    resetOne: (customerId: number, by: Mandate, alongside?: (tx: Transaction) => Promise<void>): Promise<void> =>
      store.resetOne(customerId, recordOf(by), announcing(by), alongside),

    /** Part of a job, within the transaction that notes how far it is. */
    resetPart: (tx: Transaction, customerIds: number[], { jobId, by }: { jobId: string; by: Mandate }): Promise<void> =>
      store.reset(tx, customerIds, recordOf(by), announcing(by, jobId)),
  }
}

export type Resets = ReturnType<typeof createResets>
