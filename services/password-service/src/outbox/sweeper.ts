import { setTimeout as delay } from 'node:timers/promises'
import type { Logger } from '@rekey/platform/logger'
import type { Now } from '@rekey/platform/random'
import type { Database } from '../database.ts'

interface Deps {
  database: Database
  now: Now
  log: Logger
}

export interface Sweeper {
  /** Deletes what has had its day. */
  sweep(): Promise<void>
  close(): Promise<void>
}

const intervalMs = 60_000
const batchSize = 500
const hourMs = 3_600_000
/** Published events stay for a day: an operator may ask what left. */
const publishedForMs = 24 * hourMs
/** A spent token is remembered beyond its life: on a machine whose clock is late it still lives. */
const clockSlackMs = hourMs

/** Deletes rows that nothing will ask for again, a few at a time, on every instance: rows another holds are passed over. */
export const startSweeper = ({ database, now, log }: Deps): Sweeper => {
  const stopped = new AbortController()

  const deletions = [
    (before: Date) =>
      database.query(
        (prisma) => prisma.$executeRaw`
      DELETE FROM outbox WHERE id IN (
        SELECT id FROM outbox WHERE published_at < ${new Date(before.getTime() - publishedForMs)}
        ORDER BY published_at LIMIT ${batchSize} FOR UPDATE SKIP LOCKED)`,
      ),
    (before: Date) =>
      database.query(
        (prisma) => prisma.$executeRaw`
      DELETE FROM restore_request WHERE challenge_id IN (
        SELECT challenge_id FROM restore_request WHERE expires_at < ${before}
        ORDER BY expires_at LIMIT ${batchSize} FOR UPDATE SKIP LOCKED)`,
      ),
    (before: Date) =>
      database.query(
        (prisma) => prisma.$executeRaw`
      DELETE FROM spent_token WHERE jti IN (
        SELECT jti FROM spent_token WHERE expires_at < ${new Date(before.getTime() - clockSlackMs)}
        ORDER BY expires_at LIMIT ${batchSize} FOR UPDATE SKIP LOCKED)`,
      ),
  ]

  const sweep = async () => {
    for (const deleteBatch of deletions) {
      let deleted: number
      do {
        deleted = await deleteBatch(now())
      } while (deleted === batchSize && !stopped.signal.aborted)
    }
  }

  const loop = async () => {
    while (!stopped.signal.aborted) {
      await delay(intervalMs, undefined, { signal: stopped.signal, ref: false }).catch(() => {})
      if (stopped.signal.aborted) return
      await sweep().catch((err) => log.warn({ err }, 'sweep failed, again in a minute'))
    }
  }
  const running = loop()

  return {
    sweep,
    async close() {
      stopped.abort()
      await running
    },
  }
}
