import { withSettings } from '@rekey/platform/postgres-settings'
import pg from 'pg'

/** Gives it back. */
type Release = () => Promise<void>

/** @returns undefined where another process has it */
export type ImportLock = (fingerprint: string) => Promise<Release | undefined>

/** A process that was just killed may still have it until Postgres notices. */
const patienceMs = 2_000
const lockNotAvailable = '55P03'

/**
 * One process at a time takes in a file, and writes its file of refused lines: an advisory lock of Postgres, which goes
 * with the connection of a process that was killed.
 */
export const createImportLock =
  (databaseUrl: string): ImportLock =>
  async (fingerprint) => {
    const client = new pg.Client({
      connectionString: withSettings(databaseUrl),
      keepAlive: true,
      lock_timeout: patienceMs,
    })
    // Lost with its connection: then the progress in the table still lets one process alone go on.
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
