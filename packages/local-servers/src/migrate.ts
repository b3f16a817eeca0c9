import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import type { MigrationList } from '@prisma/schema-engine-wasm'
import { isPooler, withSettings } from '@rekey/platform/postgres-settings'
import pg from 'pg'
import { lockMigrations, watchBlockers } from './migration-locks.ts'
import { defaultPatience, type Patience } from './migration-patience.ts'
import { runScript } from './migration-script.ts'
import { useSchemaEngine } from './schema-engine.ts'

const prismaDir = resolve(import.meta.dirname, '../../../prisma')

const readMigrations = (dir: string): MigrationList => {
  const lockfile = join(dir, 'migration_lock.toml')
  const folders = existsSync(dir)
    ? readdirSync(dir, { withFileTypes: true }).filter((entry) => entry.isDirectory())
    : []
  return {
    baseDir: dir,
    lockfile: { path: 'migration_lock.toml', content: existsSync(lockfile) ? readFileSync(lockfile, 'utf8') : null },
    shadowDbInitScript: '',
    migrationDirectories: folders
      .map(({ name }) => ({
        path: name,
        migrationFile: {
          path: 'migration.sql',
          content: { tag: 'ok' as const, value: readFileSync(join(dir, name, 'migration.sql'), 'utf8') },
        },
      }))
      .sort((a, b) => (a.path < b.path ? -1 : 1)),
  }
}

const withoutPassword = (databaseUrl: string) => {
  if (!URL.canParse(databaseUrl)) throw new Error('the database URL is not a URL')
  const url = new URL(databaseUrl)
  return `${url.host}${url.pathname}`
}

// The engine's error for an unreachable database is a stack trace.
const assertReachable = async (databaseUrl: string) => {
  const name = withoutPassword(databaseUrl)
  const client = new pg.Client({ connectionString: withSettings(databaseUrl), connectionTimeoutMillis: 5_000 })
  client.on('error', () => {})
  try {
    await client.connect()
  } catch (cause) {
    const { message, code } = cause as Error & { code?: string }
    throw new Error(`cannot reach the database ${name}: ${message || code}`, { cause })
  } finally {
    await client.end().catch(() => {})
  }
}

export interface MigrateOptions {
  /** A connection with a session: not a pooler in transaction mode. */
  databaseUrl: string
  /** Folder of the Prisma schema and its `migrations`. */
  dir?: string
  /** Overrides of `defaultPatience`. */
  patience?: Partial<Patience>
}

const undefinedTable = '42P01'

/**
 * A process that was killed or failed leaves its migration unfinished, and rolled back: a finished one is marked in its own
 * transaction. The engine would refuse to go on.
 */
const forgetUnfinished = (client: pg.ClientBase) =>
  client
    .query('UPDATE _prisma_migrations SET rolled_back_at = now() WHERE finished_at IS NULL AND rolled_back_at IS NULL')
    .catch((error) => {
      if (error.code !== undefinedTable) throw error
    })

/** Takes the lock of migrations. @returns the id of the process that has it */
const begin = async (pool: pg.Pool, patience: Patience): Promise<number> => {
  const client = await pool.connect()
  try {
    // Its lock would belong to a connection that others use, and its settings too.
    if (await isPooler(client)) throw new Error('the URL is that of a connection pooler: set REKEY_DATABASE_DIRECT_URL')
    await lockMigrations(client, patience)
    await forgetUnfinished(client)
    const { rows } = await client.query<{ pid: number }>('SELECT pg_backend_pid() AS pid')
    return rows[0]?.pid ?? 0
  } finally {
    client.release()
  }
}

interface Applied {
  databaseUrl: string
  dir: string
  pool: pg.Pool
  pid: number
  patience: Patience
  migrationsList: MigrationList
}

const apply = async ({ databaseUrl, dir, pool, pid, patience, migrationsList }: Applied): Promise<string[]> => {
  const schema = readFileSync(join(dir, 'schema.prisma'), 'utf8')
  const nameOf = new Map(
    migrationsList.migrationDirectories.flatMap(({ path, migrationFile: { content } }) =>
      content.tag === 'ok' ? [[content.value, path]] : [],
    ),
  )
  const blockers = await watchBlockers(databaseUrl, pid, patience.lockTimeoutMs / 4)
  let failure: unknown
  const run = async (script: string) => {
    const name = nameOf.get(script)
    if (name === undefined) return false
    const client = await pool.connect()
    try {
      await runScript(client, script, { patience, blockers })
      return true
    } catch (error) {
      failure = new Error(`${name}: ${(error as Error).message}`, { cause: error })
      throw error
    } finally {
      client.release()
    }
  }
  try {
    const { appliedMigrationNames } = await useSchemaEngine(pool, { schema, runScript: run }, (engine) =>
      engine.applyMigrations({ migrationsList, filters: { externalTables: [], externalEnums: [] } }),
    )
    return appliedMigrationNames
  } catch (error) {
    throw failure ?? error
  } finally {
    await blockers.close()
  }
}

/**
 * Applies the missing migrations, as `prisma migrate deploy` does, and returns their names. Idempotent; concurrent runs
 * wait for each other. A migration waits for locks in short slices, so that requests are answered meanwhile.
 * @throws Error that names the database if it is unreachable, and what holds a lock after `waitMs`; the engine's error if a
 * migration fails
 */
export const migrate = async ({
  databaseUrl,
  dir = prismaDir,
  patience: overrides = {},
}: MigrateOptions): Promise<{ applied: string[] }> => {
  await assertReachable(databaseUrl)
  const patience = { ...defaultPatience, ...overrides }
  const migrationsList = readMigrations(join(dir, 'migrations'))
  // One connection, which has the lock of migrations: it must not be closed while it is idle.
  const pool = new pg.Pool({
    connectionString: withSettings(databaseUrl),
    max: 1,
    idleTimeoutMillis: 0,
    keepAlive: true,
    application_name: 'rekey migrate',
  })
  // Without handlers, a connection that the server ends would end the process.
  pool.on('error', () => {})
  pool.on('connect', (client) => client.on('error', () => {}))
  try {
    const pid = await begin(pool, patience)
    return { applied: await apply({ databaseUrl, dir, pool, pid, patience, migrationsList }) }
  } catch (error) {
    // The engine appends a stack trace to its message.
    const [message] = (error as Error).message.split(/\n\s+0: /)
    throw new Error(`migration failed: ${message}`, { cause: error })
  } finally {
    await pool.end()
  }
}
