import { isAbsolute } from 'node:path'
import { withSettings } from '@rekey/platform/postgres-settings'
import pg from 'pg'
import { databaseUrls } from '../../../services/password-service/src/database-urls.ts'
import { type Check, type Finding, ok } from '../finding.ts'
import { placeOf } from '../secrets.ts'
import type { Subject } from '../subjects.ts'
import { certificateChecks } from './certificates.ts'
import { clockFinding } from './clock.ts'
import { rightsFindings } from './database-rights.ts'
import { factorKeyFindings } from './factor-keys.ts'
import { migrationFindings } from './migrations.ts'

const timeoutMs = 4_000

const clockFindings = async (client: pg.Pool): Promise<Finding[]> => {
  const before = Date.now()
  const { rows } = await client.query<{ seconds: string }>('SELECT extract(epoch FROM clock_timestamp()) AS seconds')
  return [clockFinding(Number(rows[0]?.seconds) * 1_000, [before, Date.now()])]
}

const usesTls = (url: string) => !['', 'disable'].includes(new URL(url).searchParams.get('sslmode') ?? '')

const caFileOf = (url: string) => {
  const path = new URL(url).searchParams.get('sslrootcert')
  return path && isAbsolute(path) ? path : undefined
}

/** The database, as the role of the password-service sees it. */
export const databaseChecks = (
  { service, config, isProduction }: Subject<'password-service'>,
  onEnd: (close: () => unknown) => void,
): Check[] => {
  const { DATABASE_URL, REKEY_DATABASE_DIRECT_URL, REKEY_FACTOR_SEAL_KEY } = config
  if (DATABASE_URL === undefined) return []
  const { directUrl } = databaseUrls({ DATABASE_URL, REKEY_DATABASE_DIRECT_URL })
  let client: pg.Pool | undefined

  const connect = async (): Promise<Finding[]> => {
    const opened = new pg.Pool({
      connectionString: withSettings(directUrl),
      connectionTimeoutMillis: timeoutMs,
      query_timeout: timeoutMs,
      application_name: 'rekey doctor',
      max: 1,
    })
    opened.on('error', () => {})
    // Not awaited: a stalled server would not answer.
    onEnd(() => void opened.end().catch(() => {}))
    try {
      const { rows } = await opened.query<{ version: string }>(`SELECT current_setting('server_version') AS version`)
      client = opened
      return [ok(`PostgreSQL ${rows[0]?.version} at ${placeOf(directUrl)}`)]
    } catch (error) {
      const { message, code } = error as Error & { code?: string }
      throw new Error(
        `${placeOf(directUrl)}: ${message || code}: check DATABASE_URL, its role and password, and that Postgres runs`,
      )
    }
  }
  const then = (name: string, run: (client: pg.Pool) => Promise<Finding[]>): Check => ({
    name,
    service,
    needs: 'database connection',
    run: () => {
      if (!client) throw new Error('no connection to the database')
      return run(client)
    },
  })
  return [
    ...certificateChecks({
      name: 'database certificate',
      service,
      endpoints: [DATABASE_URL, directUrl]
        .filter((url, index, all) => all.indexOf(url) === index && usesTls(url))
        .map((url) => ({ url, protocol: 'postgres' as const, defaultPort: 5_432, caFile: caFileOf(url) })),
    }),
    { name: 'database connection', service, needs: 'database certificate', run: connect },
    then('database rights', (client) => rightsFindings(client, isProduction)),
    then('migrations', migrationFindings),
    ...(REKEY_FACTOR_SEAL_KEY === undefined
      ? []
      : [then('factor keys', (client) => factorKeyFindings(client, REKEY_FACTOR_SEAL_KEY))]),
    then('database clock', clockFindings),
  ]
}
