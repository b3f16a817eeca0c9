import { loadConfig } from '@rekey/platform/config'
import { toKeys } from '@rekey/platform/keys'
import { createLogger } from '@rekey/platform/logger'
import { createMetrics } from '@rekey/platform/metrics'
import { withSettings } from '@rekey/platform/postgres-settings'
import { createQueue } from '@rekey/platform/queue'
import { systemRandom } from '@rekey/platform/random'
import { Type } from '@sinclair/typebox'
import pg from 'pg'
import { Env } from './config.ts'
import { createRecordReader } from './customers/customer-record.ts'
import { createImport } from './customers/import/import.service.ts'
import { createImportStore } from './customers/import/import.store.ts'
import { createImportLock } from './customers/import/import-lock.ts'
import { openDatabase } from './database.ts'
import { databaseUrls } from './database-urls.ts'
import { argon2Floor } from './hashing/argon2.ts'
import { createHasher, parsePeppers } from './hashing/hasher.ts'

/**
 * The variables that an import reads. It needs the peppers to check that imported hashes can be verified, and the factor key
 * to seal second factors.
 */
const ImportEnv = Type.Composite([
  Type.Pick(Env, [
    'DATABASE_URL',
    'REKEY_DATABASE_DIRECT_URL',
    'REKEY_PASSWORD_PEPPERS',
    'REKEY_SECRETS_FILE',
    'REKEY_SMTPUTF8',
  ]),
  Type.Partial(Type.Pick(Env, ['REKEY_FACTOR_SEAL_KEY'])),
])

/** A batch may wait for locks, or run on a busy machine. */
const statementTimeoutMs = 30_000
const serverTransactionTimeoutMs = 120_000

const undefinedTable = '42P01'

/** @throws Error with the database's name if it cannot be reached or is not migrated */
const assertReady = async (databaseUrl: string) => {
  const client = new pg.Client({ connectionString: withSettings(databaseUrl), connectionTimeoutMillis: 5_000 })
  client.on('error', () => {})
  try {
    await client.connect()
    await client.query('SELECT finished_at FROM customer_import LIMIT 1')
  } catch (cause) {
    const { message, code } = cause as Error & { code?: string }
    const { host, pathname } = new URL(databaseUrl)
    const why = code === undefinedTable ? 'it is not migrated: run scripts/migrate.ts' : message || code
    throw new Error(`Cannot use the database ${host}${pathname}: ${why}.`, { cause })
  } finally {
    await client.end().catch(() => {})
  }
}

/**
 * Creates the import of customers with its own database connections.
 *
 * @throws ConfigError. Error with the database's name if it cannot be used
 */
export const openImport = async (env: Record<string, string | undefined>) => {
  const config = loadConfig(ImportEnv, env)
  const { url, directUrl, pooled } = databaseUrls(config)
  await assertReady(directUrl)

  const now = () => new Date()
  // The command prints the result: an import writes no log.
  const log = createLogger({ name: 'import', level: 'silent' })
  const database = openDatabase({
    url,
    pooled,
    poolSize: 2,
    log,
    statementTimeoutMs,
    serverTransactionTimeoutMs,
  })
  const queue = createQueue({
    name: 'password_hashes',
    concurrency: 1,
    waiting: 0,
    elapsedMs: () => performance.now(),
    metrics: createMetrics(),
    log,
  })
  const hasher = createHasher({
    queue,
    peppers: parsePeppers(config.REKEY_PASSWORD_PEPPERS),
    cost: argon2Floor,
    random: systemRandom,
    log,
  })
  const factorKey = config.REKEY_FACTOR_SEAL_KEY
  const { run } = createImport({
    database,
    store: createImportStore(database),
    lock: createImportLock(directUrl),
    readRecord: createRecordReader({
      findHashError: hasher.findHashError,
      canSealFactors: factorKey !== undefined,
      smtpUtf8: config.REKEY_SMTPUTF8,
    }),
    keys: { factor: factorKey === undefined ? undefined : toKeys(factorKey) },
    now,
    random: systemRandom,
  })
  return { run, close: () => database.close() }
}
