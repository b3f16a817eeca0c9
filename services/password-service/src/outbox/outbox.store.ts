import { currentTrace } from '@rekey/platform/trace'
import type { Database, Transaction } from '../database.ts'
import { type Deletion, deleteOldest } from '../deletion.ts'
import { Prisma } from '../generated/prisma/client.ts'
import type { EventsOf, NewEvent } from './event.ts'
import { lanesOf, type OutboxStream } from './lanes.ts'

export interface OutboxStore {
  /** Adds events within the transaction of their cause. Ids follow commits for whoever holds the subject locked. */
  add(tx: Transaction, subject: string, createdAt: Date, events: NewEvent[]): Promise<void>
  /** The same for many subjects in one statement. */
  addAll(tx: Transaction, createdAt: Date, all: EventsOf[]): Promise<void>
}

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

export const createOutboxStore = (): OutboxStore => ({
  add: (tx, subject, createdAt, events) => addAll(tx, createdAt, [{ subject, events }]),
  addAll,
})

/** How many events of one stream are in the outbox, each counted no further than `most`. */
export interface Depth {
  waiting: number
  /** Of these, events that are held: refused by the broker, or behind one that was. */
  held: number
}

/** Counts the events that wait, in index order and no further than `most` of each kind. */
export const countWaiting = async (loops: Database, stream: OutboxStream, most: number): Promise<Depth> => {
  const lanes = Prisma.sql`unnest(${lanesOf[stream]}::int[]) AS l(lane)`
  const count = (condition: Prisma.Sql) => Prisma.sql`
    (SELECT count(*)::int FROM (
      SELECT 1 FROM ${lanes} CROSS JOIN LATERAL (
        SELECT 1 FROM outbox WHERE outbox_lane(type, subject) = l.lane AND published_at IS NULL AND ${condition}
        LIMIT ${most}
      ) AS event LIMIT ${most}
    ) AS first)`
  const [row] = await loops.query(
    (prisma) => prisma.$queryRaw<[{ ready: number; held: number }]>`
      SELECT ${count(Prisma.sql`retry_at IS NULL`)} AS ready, ${count(Prisma.sql`retry_at IS NOT NULL`)} AS held`,
  )
  return { waiting: row.ready + row.held, held: row.held }
}

/** When the oldest event of a stream that is not held was added. */
export const findOldest = async (loops: Database, stream: OutboxStream): Promise<Date | undefined> => {
  const rows = await loops.query(
    (prisma) => prisma.$queryRaw<{ createdAt: Date }[]>`
      SELECT first.created_at AS "createdAt" FROM unnest(${lanesOf[stream]}::int[]) AS l(lane) CROSS JOIN LATERAL (
        SELECT created_at FROM outbox
        WHERE outbox_lane(type, subject) = l.lane AND published_at IS NULL AND retry_at IS NULL
        ORDER BY id LIMIT 1
      ) AS first`,
  )
  const times = rows.map(({ createdAt }) => createdAt.getTime())
  return times.length > 0 ? new Date(Math.min(...times)) : undefined
}

/** Published events are kept for a day: an operator may ask what left, and when. */
const keptForMs = 24 * 3_600_000

/** Deletes events that were published more than a day ago. */
export const deletePublished =
  (loops: Database): Deletion =>
  (now, limit) =>
    deleteOldest(loops, { table: 'outbox', column: 'published_at' }, new Date(now.getTime() - keptForMs), limit)
