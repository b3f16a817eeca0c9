import type { Address } from '@rekey/contracts'
import type { AllowanceSize } from '@rekey/platform/quota'
import type { Database, Transaction } from '../database.ts'
import { type Deletion, deleteOldest } from '../deletion.ts'
import { Prisma } from '../generated/prisma/client.ts'
import type { NewEvent } from '../outbox/event.ts'

/** A wrong code. */
export interface Failure {
  challengeId: string
  /** Which wrong code of the challenge it was. */
  attempt: number
  failedAt: Date
}

/** A code on its way. */
export interface Send {
  challengeId: string
  sendNumber: number
}

/** What was counted against a customer. */
export interface Charged {
  customer: { id: number; code: string; locale: string; timezone: string }
  /** Confirmed ones: e-mail before phone, the oldest first. */
  addresses: Address[]
  /** When wrong codes were given since the last restore that succeeded: without those counted now, and with them. */
  before: Date[]
  after: Date[]
}

interface Deps {
  database: Database
  /** Codes for restores that one customer is sent at most, at all of its addresses together (S7). */
  sends: AllowanceSize
  /** Adds events that leave after the commit. */
  addEvents(tx: Transaction, subject: string, createdAt: Date, events: NewEvent[]): Promise<void>
}

export interface BudgetStore {
  /**
   * Counts a code that is to be sent, unless as many others were sent lately as may be. Said again, it counts once.
   *
   * @returns whether it may be sent
   */
  countSend(customerId: number, send: Send, at: Date): Promise<boolean>
  /** Notes a wrong code, whosever challenge it is. Said again, it changes nothing. */
  note(failure: Failure): Promise<void>
  /**
   * Counts the noted wrong codes of a challenge against the customer whose restore it is, and adds the events, in one.
   * Each counts once, however often this is said; those that were forgiven meanwhile do not.
   *
   * @returns undefined where there was none to count, or whose it is is not known
   */
  charge(
    challengeId: string,
    at: Date,
    announce: (charged: Charged) => Promise<NewEvent[]>,
  ): Promise<Charged | undefined>
  /** When wrong codes were given since the customer's last restore that succeeded. */
  failuresOf(customerId: number, tx?: Transaction): Promise<Date[]>
  /** Runs `work` in a transaction within the lock of the customer whose restore it is, where that is known. */
  withOwner(challengeId: string, work: (tx: Transaction, customerId: number) => Promise<void>): Promise<void>
  /** Within the customer's lock: wrong codes of until then count no more. @returns how many there were */
  forgive(tx: Transaction, customerId: number, at: Date): Promise<number>
}

/** A code lives ten minutes: a request for one that is older than this is not looked up any more. */
const claimableForMs = 30 * 60_000

const lockOwner = async (tx: Transaction, challengeId: string) => {
  const [customer] = await tx.$queryRaw<(Charged['customer'] & { forgivenAt: Date | null })[]>`
    SELECT c.id, c.code, c.locale, c.timezone, c.forgiven_at AS "forgivenAt"
    FROM restore_request r JOIN customer c ON c.id = r.customer_id
    WHERE r.challenge_id = ${challengeId}::uuid
    FOR UPDATE OF c`
  return customer
}

export const createBudgetStore = ({ database, sends, addEvents }: Deps): BudgetStore => {
  const failuresIn = async (tx: Transaction, customerId: number) => {
    const rows = await tx.restoreFailure.findMany({ select: { failedAt: true }, where: { customerId } })
    return rows.map(({ failedAt }) => failedAt)
  }

  const sendsCountFrom = (now: Date) => new Date(now.getTime() - sends.windowMs)

  return {
    countSend: (customerId, { challengeId, sendNumber }, at) =>
      database.transaction(async (tx) => {
        // One at a time: what others count meanwhile would not be seen.
        await tx.$queryRaw`SELECT 1 FROM customer WHERE id = ${customerId} FOR UPDATE`
        const counted = await tx.$executeRaw`
          INSERT INTO restore_send (challenge_id, send_number, customer_id, sent_at)
          SELECT ${challengeId}::uuid, ${sendNumber}, ${customerId}, ${at}::timestamptz
          WHERE ${sends.allowance} > (
            SELECT count(*) FROM restore_send
            WHERE customer_id = ${customerId} AND sent_at > ${sendsCountFrom(at)}
              AND (challenge_id, send_number) <> (${challengeId}::uuid, ${sendNumber})
          )
          ON CONFLICT (challenge_id, send_number) DO UPDATE SET sent_at = restore_send.sent_at`
        return counted > 0
      }),

    async note({ challengeId, attempt, failedAt }) {
      await database.query((prisma) =>
        prisma.restoreFailure.createMany({ data: { challengeId, attempt, failedAt }, skipDuplicates: true }),
      )
    },

    async charge(challengeId, at, announce) {
      const [due] = await database.query(
        (prisma) => prisma.$queryRaw<unknown[]>`
          SELECT 1 FROM restore_failure f JOIN restore_request r ON r.challenge_id = f.challenge_id
          WHERE f.challenge_id = ${challengeId}::uuid AND f.customer_id IS NULL LIMIT 1`,
      )
      if (!due) return undefined
      return database.transaction(async (tx) => {
        const customer = await lockOwner(tx, challengeId)
        if (!customer) return undefined
        const { forgivenAt, ...owner } = customer
        const before = await failuresIn(tx, owner.id)
        await tx.$executeRaw`
          DELETE FROM restore_failure
          WHERE challenge_id = ${challengeId}::uuid AND customer_id IS NULL AND failed_at <= ${forgivenAt}::timestamptz`
        // One that is noted in this very moment is seen here alone: forgiven or not, its own charge comes after.
        const counted = await tx.$queryRaw<{ failedAt: Date }[]>`
          UPDATE restore_failure SET customer_id = ${owner.id}
          WHERE challenge_id = ${challengeId}::uuid AND customer_id IS NULL
            AND failed_at > COALESCE(${forgivenAt}::timestamptz, '-infinity')
          RETURNING failed_at AS "failedAt"`
        if (counted.length === 0) return undefined
        const addresses = await tx.$queryRaw<Address[]>`
          SELECT kind::text, value FROM identifier
          WHERE customer_id = ${owner.id} AND verified_at IS NOT NULL ORDER BY kind, id`
        const after = [...before, ...counted.map(({ failedAt }) => failedAt)]
        const charged = { customer: owner, addresses, before, after }
        const events = await announce(charged)
        if (events.length > 0) await addEvents(tx, owner.code, at, events)
        return charged
      })
    },

    failuresOf: (customerId, tx) =>
      tx ? failuresIn(tx, customerId) : database.query((prisma) => failuresIn(prisma, customerId)),

    withOwner: (challengeId, work) =>
      database.transaction(async (tx) => {
        const customer = await lockOwner(tx, challengeId)
        if (customer) await work(tx, customer.id)
      }),

    async forgive(tx, customerId, at) {
      await tx.$executeRaw`
        UPDATE customer SET forgiven_at = GREATEST(forgiven_at, ${at}::timestamptz) WHERE id = ${customerId}`
      return (await tx.restoreFailure.deleteMany({ where: { customerId, failedAt: { lte: at } } })).count
    },
  }
}

/** Deletes sends that no longer count. */
export const deleteOldSends =
  (loops: Database, { windowMs }: AllowanceSize): Deletion =>
  (now, limit) =>
    deleteOldest(loops, { table: 'restore_send', column: 'sent_at' }, new Date(now.getTime() - windowMs), limit)

/** Deletes wrong codes of challenges that can no longer become a customer's. */
export const deleteUnclaimedFailures =
  (loops: Database): Deletion =>
  (now, limit) =>
    deleteOldest(
      loops,
      { table: 'restore_failure', column: 'failed_at', where: Prisma.sql`customer_id IS NULL` },
      new Date(now.getTime() - claimableForMs),
      limit,
    )
