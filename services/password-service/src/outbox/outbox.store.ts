import { currentTrace } from '@rekey/platform/trace'
import type { Database, Transaction } from '../database.ts'
import type { Prisma } from '../generated/prisma/client.ts'
import type { EventsOf, NewEvent } from './event.ts'

/** An event that committed and waits for the broker. */
export interface WaitingEvent {
  rowId: bigint
  eventId: string
  type: string
  /** The customer's code. */
  subject: string
  data: object
  traceparent: string | null
  createdAt: Date
}

export interface OutboxStore {
  /** Adds events within the transaction of their cause. Ids follow commits for whoever holds the subject locked. */
  add(tx: Transaction, subject: string, createdAt: Date, events: NewEvent[]): Promise<void>
  /** The same for many subjects in one statement. */
  addAll(tx: Transaction, createdAt: Date, all: EventsOf[]): Promise<void>
  /** How many events wait for the broker, counted no further than `most`. */
  countWaiting(most: number): Promise<number>
  /**
   * Takes the oldest waiting event of each of up to `size` subjects that no other relay holds, hands them out, and
   * marks the ones whose row ids come back as published.
   *
   * @returns how many were taken and how many published
   */
  relay(
    size: number,
    now: Date,
    publish: (events: WaitingEvent[]) => Promise<bigint[]>,
  ): Promise<{ taken: number; published: number }>
  /** Deletes up to `limit` events that left more than a day ago: an operator may ask what left. @returns how many */
  deletePublished(now: Date, limit: number): Promise<number>
}

/** Longer than the broker may take to acknowledge a batch. */
const relayTimeoutMs = 8_000
const publishedForMs = 24 * 3_600_000

const addAll: OutboxStore['addAll'] = async (tx, createdAt, all) => {
  await tx.outbox.createMany({
    data: all.flatMap(({ subject, events }) =>
      events.map(({ id, type, data }) => ({
        eventId: id,
        type,
        subject,
        data: data as Prisma.InputJsonObject,
        traceparent: currentTrace() ?? null,
        createdAt,
      })),
    ),
  })
}

export const createOutboxStore = ({ database }: { database: Database }): OutboxStore => ({
  add: (tx, subject, createdAt, events) => addAll(tx, createdAt, [{ subject, events }]),
  addAll,

  countWaiting: (most) =>
    database.query(async (prisma) => {
      const [row] = await prisma.$queryRaw<[{ waiting: number }]>`
        SELECT count(*)::int AS waiting
        FROM (SELECT 1 FROM outbox WHERE published_at IS NULL ORDER BY id LIMIT ${most}) AS first`
      return row.waiting
    }),

  relay: (size, now, publish) =>
    database.transaction(
      async (tx) => {
        // An event whose predecessor another relay holds is not taken: that one has not committed as published yet. Asked
        // for each event by itself, from the front: a join would read all that waits, however much that is.
        const events = await tx.$queryRaw<WaitingEvent[]>`
          SELECT o.id AS "rowId", o.event_id::text AS "eventId", o.type, o.subject, o.data, o.traceparent,
                 o.created_at AS "createdAt"
          FROM outbox o
          WHERE o.published_at IS NULL AND o.id = (
            SELECT first.id FROM outbox first WHERE first.published_at IS NULL AND first.subject = o.subject
            ORDER BY first.id LIMIT 1
          )
          ORDER BY o.id LIMIT ${size}
          FOR UPDATE OF o SKIP LOCKED`
        if (events.length === 0) return { taken: 0, published: 0 }
        const published = await publish(events)
        if (published.length > 0) {
          await tx.outbox.updateMany({ where: { id: { in: published } }, data: { publishedAt: now } })
        }
        return { taken: events.length, published: published.length }
      },
      { timeoutMs: relayTimeoutMs },
    ),

  async deletePublished(now, limit) {
    const where = { publishedAt: { lt: new Date(now.getTime() - publishedForMs) } }
    const { count } = await database.query((prisma) => prisma.outbox.deleteMany({ where, limit }))
    return count
  },
})
