import type { Database, Transaction } from '../database.ts'
import type { NewEvent } from '../outbox/event.ts'

/** A recovery hold that was on. */
export interface Held {
  customer: { id: number; code: string }
  holdUntil: Date
}

interface Deps {
  database: Database
  /** Adds events that leave after the commit. */
  addEvents(tx: Transaction, subject: string, createdAt: Date, events: NewEvent[]): Promise<void>
}

export interface HoldStore {
  /** Ends a recovery hold and adds the event, both or neither. The event is made only where a hold was on. */
  end(
    customerId: number,
    at: Date,
    announce: (held: Held) => NewEvent,
  ): Promise<{ result: 'ended'; held: Held } | { result: 'none' | 'unknown' }>
}

export const createHoldStore = ({ database, addEvents }: Deps): HoldStore => ({
  end: (customerId, at, announce) =>
    database.transaction(async (tx) => {
      const [customer] = await tx.$queryRaw<{ id: number; code: string; holdUntil: Date | null }[]>`
        SELECT id, code, hold_until AS "holdUntil" FROM customer WHERE id = ${customerId} FOR UPDATE`
      if (!customer) return { result: 'unknown' }
      const { id, code, holdUntil } = customer
      if (!holdUntil || holdUntil <= at) return { result: 'none' }
      const held = { customer: { id, code }, holdUntil }
      await tx.customer.update({ where: { id }, data: { holdUntil: null } })
      await addEvents(tx, code, at, [announce(held)])
      return { result: 'ended', held }
    }),
})
