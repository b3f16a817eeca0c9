import type { Now } from '@rekey/platform/clock'
import type { Logger } from '@rekey/platform/logger'
import type { Metrics } from '@rekey/platform/metrics'
import { Counter } from 'prom-client'
import type { Transaction } from '../database.ts'
import type { Notices } from '../notifications/notifications.ts'
import type { BudgetStore, Charged, Failure, Send } from './failed-attempts.store.ts'
import { type Block, blocksAfter, blockThatLasts, wasBlocked } from './lockout.ts'

interface Deps {
  store: BudgetStore
  notices: Pick<Notices, 'restoreBlocked'>
  metrics: Metrics
  /** Divides how long blocks last. */
  scale: number
  now: Now
  log: Logger
}

/**
 * How many codes a customer is sent for restores (S7), and how many wrong ones are forgiven (S6), at all of its addresses
 * together. The gateway counts for each address, and decides at once; who has two of them is known here alone. Only
 * restore is blocked, never sign-in.
 */
export const createBudgets = ({ store, notices, metrics, scale, now, log }: Deps) => {
  const blocksOf = (failures: Date[]) => blocksAfter(failures, scale)

  /** The block that began with what was counted now. */
  const newBlock = ({ before, after }: Charged): Block | undefined => {
    const blocks = blocksOf(after)
    return blocks.length > blocksOf(before).length ? blocks.at(-1) : undefined
  }

  const begun = new Counter({
    name: 'rekey_restore_blocks_total',
    help: "Times that wrong codes blocked a customer's restore.",
    registers: [metrics],
  })

  /**
   * Counts the wrong codes of a challenge of which it is known whose restore it is. Where they block, the customer is
   * told, once for each block. Safe to run again.
   *
   * @throws RekeyError unavailable
   */
  const charge = async (challengeId: string): Promise<void> => {
    const charged = await store.charge(challengeId, now(), async (counted) => {
      const block = newBlock(counted)
      return block ? notices.restoreBlocked(counted, block) : []
    })
    const block = charged && newBlock(charged)
    if (!block) return
    begun.inc()
    log.warn(
      {
        event: 'authn_restore_blocked',
        customer: charged.customer.code,
        failures: charged.after.length,
        from: block.from,
        until: block.until ?? 'lifted',
      },
      'restore blocked after wrong codes',
    )
  }

  /** Within the customer's lock: whether restore was blocked then. */
  const wasBlockedAt = async (tx: Transaction, customerId: number, at: Date): Promise<boolean> =>
    wasBlocked(blocksOf(await store.failuresOf(customerId, tx)), at)

  return {
    charge,

    /**
     * Notes a wrong code of a restore. Whose it was may be heard of later, or never: requests and answers come by ways
     * of their own.
     *
     * @throws RekeyError unavailable
     */
    async note(failure: Failure): Promise<void> {
      await store.note(failure)
      await charge(failure.challengeId)
    },

    /**
     * Counts a code that is to be sent for a restore; the same one again counts once.
     *
     * @returns false where as many were sent as may be. @throws RekeyError unavailable
     */
    countSend: (customerId: number, send: Send): Promise<boolean> => store.countSend(customerId, send, now()),

    /** What keeps the customer's password from being restored now. @throws RekeyError unavailable */
    async blockOf(customerId: number): Promise<Block | undefined> {
      return blockThatLasts(blocksOf(await store.failuresOf(customerId)), now())
    },

    wasBlockedAt,

    /**
     * A right code makes up for the wrong ones before it, unless it was guessed when no more codes counted.
     *
     * @throws RekeyError unavailable
     */
    noteRight: (challengeId: string, at: Date): Promise<void> =>
      store.withOwner(challengeId, async (tx, customerId) => {
        if (!(await wasBlockedAt(tx, customerId, at))) await store.forgive(tx, customerId, at)
      }),

    /** Within the customer's lock: wrong codes of before count no more. @returns how many there were */
    forgive: (tx: Transaction, customerId: number): Promise<number> => store.forgive(tx, customerId, now()),
  }
}

export type Budgets = ReturnType<typeof createBudgets>
