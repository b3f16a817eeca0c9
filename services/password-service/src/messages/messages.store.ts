import {
  type Address,
  type EventData,
  type MessageChannel,
  type MessageKind,
  type MessageOutcome,
  type MessagePurpose,
  type MessageStatus,
  messageLogDays,
  type Suppression,
} from '@rekey/contracts'
import type { Database } from '../database.ts'
import { type Deletion, deleteOldest } from '../deletion.ts'
import { Prisma } from '../generated/prisma/client.ts'
import { prepared } from '../statements.ts'
import { codeColumns, type LoggedCode, logMessages, suppressionSql } from './message.ts'

/** A message as it is stored. */
export interface StoredMessage {
  id: bigint
  kind: MessageKind
  purpose: MessagePurpose
  channel: MessageChannel
  maskedTo: string
  askedAt: Date
  expiresAt: Date | null
  status: MessageStatus
  /** When it got that status. */
  statusAt: Date
  /** Empty if there is none. */
  reason: string
  attempts: number
}

/** The oldest message that the log shows. */
export const loggedFrom = (now: Date) => new Date(now.getTime() - messageLogDays * 86_400_000)

/**
 * Logs a code of a known customer that is about to be sent, or suppressed. Safe to repeat.
 *
 * @throws RekeyError unavailable
 */
export const logCode = async (
  database: Database,
  customerId: number,
  code: LoggedCode,
  suppression?: Suppression,
): Promise<void> => {
  const source = Prisma.sql`SELECT ${customerId}::int AS customer_id, ${codeColumns(code, suppressionSql(suppression))}`
  await database.query((prisma) => prisma.$executeRaw(logMessages(source)))
}

/**
 * Logs a suppressed code of the customer who has confirmed the address. For an address of nobody it is the same statement,
 * which inserts nothing (S12).
 *
 * @throws RekeyError unavailable
 */
export const logSuppressed = async (
  database: Database,
  { kind, value }: Address,
  code: LoggedCode,
  suppression: Suppression | undefined,
): Promise<void> => {
  const source = Prisma.sql`
    SELECT customer_id, ${codeColumns(code, suppressionSql(suppression))} FROM identifier
    WHERE value = ${value} AND identifier.kind = ${kind}::identifier_kind AND verified_at IS NOT NULL`
  await database.query((prisma) => prisma.$executeRaw(logMessages(source)))
}

/**
 * SQL by which two reports of one message are compared: the stronger status, of two handed over the earlier one, of two
 * others the later one. A total order: whichever report arrives first, the row is the same.
 */
const strength = (status: string, at: string, reason: string) =>
  `ROW(${status}, CASE WHEN ${status} = 'handed_over' THEN -1 ELSE 1 END * extract(epoch FROM ${at}), ${reason} COLLATE "C")`

const isStronger = `${strength('r.status', 'r.at', 'r.answer')} > ${strength('m.status', 'm.status_at', 'm.reason')}`

/** One row a report, by arrays of its columns. */
const update = prepared<
  never,
  [
    refs: string[],
    sendNumbers: number[],
    customerIds: (number | null)[],
    statuses: MessageStatus[],
    ats: string[],
    attempts: number[],
    answers: string[],
  ]
>(
  'record_outcomes',
  `WITH reported AS (
     SELECT DISTINCT ON (ref, send_number, customer_id) ref, send_number, customer_id, status, at, answer,
            max(attempts) OVER (PARTITION BY ref, send_number, customer_id) AS attempts
     FROM unnest($1::uuid[], $2::smallint[], $3::int[], $4::text[]::message_status[], $5::timestamptz(3)[], $6::int[],
                 $7::text[]) AS r (ref, send_number, customer_id, status, at, attempts, answer)
     ORDER BY ref, send_number, customer_id, ${strength('status', 'at', 'answer')} DESC
   )
   UPDATE message AS m SET
     attempts = GREATEST(m.attempts, r.attempts),
     status = CASE WHEN ${isStronger} THEN r.status ELSE m.status END,
     status_at = CASE WHEN ${isStronger} THEN r.at ELSE m.status_at END,
     reason = CASE WHEN ${isStronger} THEN r.answer ELSE m.reason END
   FROM reported AS r
   WHERE m.ref = r.ref AND m.send_number = r.send_number AND m.customer_id = COALESCE(r.customer_id, m.customer_id)
     AND (m.attempts < r.attempts OR ${isStronger})`,
)

/** What became of a message. */
export type Outcome = EventData<typeof MessageOutcome>

/**
 * Records what became of messages. Reports may arrive repeatedly and in any order, also several of one message at a time.
 * One of a message that is not logged (it is older than the log, or Postgres was restored from a copy) is dropped.
 *
 * @throws RekeyError unavailable
 */
export const recordOutcomes = async (database: Database, outcomes: readonly Outcome[]): Promise<void> => {
  const [bounced, others] = [outcomes.filter(isAnonymous), outcomes.filter((outcome) => !isAnonymous(outcome))]
  // One statement updates a row once: reports of one message with and without its customer would be two.
  for (const group of [others, bounced]) if (group.length > 0) await recordGroup(database, group)
}

/** True if a report names no customer, because no personal data is in what came back. */
const isAnonymous = ({ customerId }: Outcome) => customerId === undefined

const recordGroup = (database: Database, outcomes: readonly Outcome[]) =>
  database.run(
    update,
    outcomes.map(({ messageId }) => messageId.split('.')[0] ?? ''),
    outcomes.map(({ messageId }) => Number(messageId.split('.')[1] ?? 0)),
    outcomes.map(({ customerId = null }) => customerId),
    outcomes.map(({ status }) => status),
    outcomes.map(({ at }) => at),
    outcomes.map(({ attempts }) => attempts),
    outcomes.map(({ answer = '' }) => answer),
  )

type Row = { total: number } & (StoredMessage | { id: null })

export const createMessageStore = (database: Database) => ({
  /**
   * A page of a customer's messages since a time, newest first, and their total. Reads the entries of one customer in one
   * index, at most those since that time.
   *
   * @returns undefined without such a customer
   */
  list: (
    customerId: number,
    since: Date,
    { limit, offset }: { limit: number; offset: number },
  ): Promise<{ total: number; messages: StoredMessage[] } | undefined> =>
    database.query(async (prisma) => {
      const rows = await prisma.$queryRaw<Row[]>`
        SELECT counted.total, page.*
        FROM customer c CROSS JOIN LATERAL (
          SELECT count(*)::int AS total FROM message WHERE customer_id = c.id AND asked_at > ${since}
        ) AS counted LEFT JOIN LATERAL (
          SELECT id, kind::text, purpose, channel::text, masked_to AS "maskedTo", asked_at AS "askedAt",
                 expires_at AS "expiresAt", status::text, status_at AS "statusAt", reason, attempts
          FROM message WHERE customer_id = c.id AND asked_at > ${since}
          ORDER BY asked_at DESC, id DESC LIMIT ${limit} OFFSET ${offset}
        ) AS page ON true
        WHERE c.id = ${customerId}
        ORDER BY page."askedAt" DESC, page.id DESC`
      const [first] = rows
      // A page beyond the end is one row with the total only.
      return first && { total: first.total, messages: rows.filter((row) => row.id !== null) }
    }),
})

export type MessageStore = ReturnType<typeof createMessageStore>

/** Deletes messages that the log no longer shows. */
export const deleteOldMessages =
  (loops: Database): Deletion =>
  (now, limit) =>
    deleteOldest(loops, { table: 'message', column: 'asked_at' }, loggedFrom(now), limit)
