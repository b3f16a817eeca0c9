import { withSettings } from '@rekey/platform/postgres-settings'
import pg from 'pg'

/** Postgres may need this long to notice that a killed process has released its lock. */
const lockTimeoutMs = 2_000
const lockNotAvailable = '55P03'

/**
 * Makes the lock that lets one process at a time import a file and write its errors file: an advisory lock of Postgres,
 * which is released when the connection of a killed process ends. The URL is that of Postgres itself: behind a pooler the
 * lock would stay with a connection that others use.
 */
export const createImportLock =
  (databaseUrl: string) =>
  /** @returns a function that releases the lock; undefined if another process has it */
  async (fingerprint: string): Promise<(() => Promise<void>) | undefined> => {
    const client = new pg.Client({
      connectionString: withSettings(databaseUrl),
      keepAlive: true,
      lock_timeout: lockTimeoutMs,
    })
    // A lost connection releases the lock: the progress in the table then still lets only one process continue.
    client.on('error', () => {})
    await client.connect()
    try {
      await client.query('SELECT pg_advisory_lock(hashtextextended($1, 0))', [`rekey import ${fingerprint}`])
      return () => client.end()
    } catch (error) {
      await client.end()
      if ((error as { code?: string }).code === lockNotAvailable) return undefined
      throw error
    }
  }

export type ImportLock = ReturnType<typeof createImportLock>
