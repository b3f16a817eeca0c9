import { loadConfig } from '@rekey/platform/config'
import { withSettings } from '@rekey/platform/postgres-settings'
import { Type } from '@sinclair/typebox'
import pg from 'pg'
import { Env } from '../config.ts'
import { databaseUrls } from '../database-urls.ts'

/** The variables that the command reads. */
const RepublishEnv = Type.Pick(Env, ['DATABASE_URL', 'REKEY_DATABASE_DIRECT_URL', 'REKEY_SECRETS_FILE'])

/** Rows that one statement changes: few, so that relays and callers do not wait for it. */
const rowsAtOnce = 1_000

/**
 * Makes events wait again that were published since a time; the relays publish them. Meant for a broker that lost events
 * which `lost-events.ts` cannot recognise. Listeners get events again that the broker has dropped from its duplicate
 * window (ten minutes), and customers their notifications.
 *
 * @returns the number of events
 * @throws ConfigError; Error if Postgres cannot be reached
 */
export const republishSince = async (env: NodeJS.ProcessEnv, since: Date): Promise<number> => {
  const { directUrl } = databaseUrls(loadConfig(RepublishEnv, env))
  const client = new pg.Client({ connectionString: withSettings(directUrl), connectionTimeoutMillis: 5_000 })
  client.on('error', () => {})
  await client.connect()
  try {
    const { rows } = await client.query<{ now: Date }>('SELECT now() AS now')
    // Relays publish the first events before the last ones wait again: those are left alone.
    const until = rows[0]?.now ?? new Date()
    for (let count = 0; ; ) {
      const { rowCount } = await client.query(
        `UPDATE outbox SET published_at = NULL, stream_seq = NULL WHERE id = ANY(ARRAY(
           SELECT id FROM outbox WHERE published_at >= $1 AND published_at < $2
           ORDER BY published_at LIMIT $3 FOR UPDATE
         ))`,
        [since, until, rowsAtOnce],
      )
      count += rowCount ?? 0
      if ((rowCount ?? 0) < rowsAtOnce) return count
    }
  } finally {
    await client.end()
  }
}
