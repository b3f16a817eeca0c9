import type { Database, Transaction } from '../database.ts'
import type { Report } from '../notifications/report-links.ts'
import type { NewEvent } from '../outbox/event.ts'

/** Whom an event is about. */
interface Customer {
  id: number
  code: string
}

/** What kept a customer out. */
export interface Lifted {
  customer: Customer
  wasBlocked: boolean
  forgivenFailures: number
}

interface Deps {
  database: Database
  /** Ends all of the customer's restores. */
  endRestores(tx: Transaction, customerId: number): Promise<unknown>
  /** Within the customer's lock: wrong codes of before count no more. @returns how many there were */
  forgive(tx: Transaction, customerId: number): Promise<number>
  /** Ends all of the customer's sessions. @returns the new epoch */
  endSessions(tx: Transaction, customerId: number, end: { at: Date }): Promise<number>
  /** Adds events that leave after the commit. */
  addEvents(tx: Transaction, subject: string, createdAt: Date, events: NewEvent[]): Promise<void>
}

export interface ReportStore {
  /**
   * Spends the link, blocks the customer, ends its sessions and restores, and adds the event: all of it, or nothing
   * (S24). A customer who is blocked already is reported once more: each link tells of another change.
   */
  report(
    report: Report,
    at: Date,
    announce: (customer: Customer, sessionEpoch: number) => NewEvent,
  ): Promise<{ result: 'reported'; customer: Customer } | { result: 'used' | 'unknown' }>
  /**
   * Lets a customer in again: not blocked any more, wrong codes forgiven, and the event added, in one. The event is made
   * also where neither was the case here: what else keeps the customer out is known to whoever hears of it.
   *
   * @returns undefined where there is no such customer
   */
  liftBlock(
    customerId: number,
    at: Date,
    announce: (customer: Customer, usernames: string[]) => Promise<NewEvent>,
  ): Promise<Lifted | undefined>
}

const lock = async (tx: Transaction, id: number) => {
  const [row] = await tx.$queryRaw<(Customer & { blocked: boolean })[]>`
    SELECT id, code, status = 'blocked' AS blocked FROM customer WHERE id = ${id} FOR UPDATE`
  return row
}

export const createReportStore = ({ database, endRestores, forgive, endSessions, addEvents }: Deps): ReportStore => ({
  report: ({ jti, customerId, expiresAt }, at, announce) =>
    database.transaction(async (tx) => {
      const customer = await lock(tx, customerId)
      if (!customer) return { result: 'unknown' }
      // The row's primary key is the rule: a link that is spent cannot be spent again, however many try at once.
      const spent = await tx.$executeRaw`
        INSERT INTO spent_token (jti, expires_at) VALUES (${jti}::uuid, ${expiresAt}) ON CONFLICT DO NOTHING`
      if (spent === 0) return { result: 'used' }
      await tx.customer.update({ where: { id: customerId }, data: { status: 'blocked' } })
      await endRestores(tx, customerId)
      const sessionEpoch = await endSessions(tx, customerId, { at })
      await addEvents(tx, customer.code, at, [announce(customer, sessionEpoch)])
      return { result: 'reported', customer }
    }),

  liftBlock: (customerId, at, announce) =>
    database.transaction(async (tx) => {
      const customer = await lock(tx, customerId)
      if (!customer) return undefined
      await tx.customer.update({ where: { id: customerId }, data: { status: 'active' } })
      const forgivenFailures = await forgive(tx, customerId)
      const identifiers = await tx.identifier.findMany({ where: { customerId }, orderBy: { id: 'asc' } })
      const usernames = identifiers.map(({ value }) => value)
      await addEvents(tx, customer.code, at, [await announce(customer, usernames)])
      return { customer, wasBlocked: customer.blocked, forgivenFailures }
    }),
})
