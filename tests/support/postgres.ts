import { randomUUID } from 'node:crypto'
import { createDatabase, dropDatabase } from '@rekey/local-servers/database'
import { migrate } from '@rekey/local-servers/migrate'
import { startPostgres } from '@rekey/local-servers/postgres'
import { withSettings } from '@rekey/platform/postgres-settings'
import pg from 'pg'
import { sql } from './customers.ts'
import { restartable, type TestServer } from './restartable.ts'

/** The migrated, empty database that `npm test` prepares once and each test file copies. */
export const templateDatabase = 'rekey_template'

export interface TestDatabase {
  /** A migrated, empty database. */
  url: string
  /** Its server, if no other test uses it. */
  server: TestServer | undefined
  stop(): Promise<void>
}

/** Settings by name, as `ALTER DATABASE … SET` takes them. */
export type DatabaseSettings = Record<string, string>

/** Sets the defaults of every connection to this database. */
export const setDatabase = async (url: string, settings: DatabaseSettings) => {
  const name = pg.escapeIdentifier(decodeURIComponent(new URL(url).pathname.slice(1)))
  for (const [setting, value] of Object.entries(settings)) {
    await sql(
      withSettings(url),
      `ALTER DATABASE ${name} SET ${pg.escapeIdentifier(setting)} = ${pg.escapeLiteral(value)}`,
    )
  }
}

const copyOfTemplate = async (adminUrl: string): Promise<TestDatabase> => {
  const name = `rekey_test_${randomUUID().replaceAll('-', '')}`
  const url = await createDatabase(adminUrl, name, { template: templateDatabase })
  return { url, server: undefined, stop: () => dropDatabase(adminUrl, name) }
}

const privateServer = async (dataDir: string): Promise<TestDatabase> => {
  const server = await restartable((port) => startPostgres({ dataDir, port, durable: false }))
  const url = await createDatabase(server.url, 'rekey')
  await migrate({ databaseUrl: url })
  return { url, server, stop: () => server.stop() }
}

/**
 * Creates a migrated database on the server that `npm test` started. Starts a private server if one is wanted, or if the
 * test file runs without `npm test`.
 */
export const startTestPostgres = async (
  dataDir: string,
  isPrivate: boolean,
  settings: DatabaseSettings = {},
): Promise<TestDatabase> => {
  const sharedUrl = process.env.REKEY_TEST_POSTGRES_URL
  const database = await (sharedUrl && !isPrivate ? copyOfTemplate(sharedUrl) : privateServer(dataDir))
  await setDatabase(database.url, settings)
  return database
}
