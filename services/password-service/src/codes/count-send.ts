import type { AllowanceSize } from '@rekey/platform/quota'
import { lockCustomer } from '../customers/lock.ts'
import type { Database } from '../database.ts'
import { type Deletion, deleteOldest } from '../deletion.ts'

interface Send {
  customerId: number
  challengeId: string
  sendNumber: number
  /** HMAC of a username and a network from which it signed in. */
  knownNetwork: string | undefined
  at: Date
}

/**
 * Counts a code that is about to be sent for a restore against its customer's quota, over all of the customer's
 * addresses (S7). Those for each known network have a quota of their own, which strangers elsewhere cannot use up (S39).
 * Repeated for the same code, it counts once.
 *
 * @returns false if the quota is used up, or there is no such customer
 * @throws RekeyError unavailable
 */
export const countSend = (
  database: Database,
  quota: AllowanceSize,
  { customerId, challengeId, sendNumber, knownNetwork, at }: Send,
): Promise<boolean> =>
  database.transaction(async (tx) => {
    // The lock serialises a customer's sends: concurrent ones would not count each other.
    await lockCustomer(tx, customerId)
    const countedFrom = new Date(at.getTime() - quota.windowMs)
    const counted = await tx.$executeRaw`
      INSERT INTO restore_send (challenge_id, send_number, customer_id, sent_at, known_network)
      SELECT ${challengeId}::uuid, ${sendNumber}, id, ${at}::timestamptz, ${knownNetwork ?? null}::text
      FROM customer WHERE id = ${customerId} AND ${quota.allowance} > (
        SELECT count(*) FROM restore_send
        WHERE customer_id = ${customerId} AND sent_at > ${countedFrom}
          AND known_network IS NOT DISTINCT FROM ${knownNetwork ?? null}::text
          AND (challenge_id, send_number) <> (${challengeId}::uuid, ${sendNumber})
      )
      ON CONFLICT (challenge_id, send_number) DO UPDATE SET sent_at = restore_send.sent_at`
    return counted > 0
  })

/** Deletes sends that have left the quota's window. */
export const deleteOldSends =
  (loops: Database, { windowMs }: AllowanceSize): Deletion =>
  (now, limit) =>
    deleteOldest(loops, { table: 'restore_send', column: 'sent_at' }, new Date(now.getTime() - windowMs), limit)
