import { execFile } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { createDatabase, databaseUrl, dropDatabase } from '@rekey/local-servers/database'
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

/** The migrated, empty database of a server that no other test uses. */
const ownDatabase = 'rekey'

/** Creates a cluster with a migrated, empty database in this folder, and leaves it stopped. */
export const prepareCluster = async (dataDir: string): Promise<void> => {
  const server = await startPostgres({ dataDir, durable: false })
  try {
    await migrate({ databaseUrl: await createDatabase(server.url, ownDatabase) })
  } finally {
    await server.stop()
  }
}

/** Copies a stopped cluster with its owner, whose account Postgres runs as, and its password. */
const copyCluster = async (from: string, to: string) => {
  mkdirSync(to, { recursive: true, mode: 0o700 })
  await promisify(execFile)('cp', ['-a', join(from, 'cluster'), join(from, 'password'), to])
}

/** A copy of the cluster that `npm test` prepared takes a sixth of the processor time of a new one. */
const privateServer = async (dataDir: string): Promise<TestDatabase> => {
  const { REKEY_TEST_POSTGRES_CLUSTER: prepared } = process.env
  await (prepared ? copyCluster(prepared, dataDir) : prepareCluster(dataDir))
  const server = await restartable((port) => startPostgres({ dataDir, port, durable: false }))
  return { url: databaseUrl(server.url, ownDatabase), server, stop: () => server.stop() }
}

/**
 * Starts the server whose databases the test files share, from a copy of a prepared cluster, with the template that each
 * file copies.
 */
export const startSharedPostgres = async (dataDir: string, prepared: string, signal: AbortSignal) => {
  await copyCluster(prepared, dataDir)
  const server = await startPostgres({ dataDir, durable: false, signal })
  await createDatabase(server.url, templateDatabase, { template: ownDatabase })
  return server
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
