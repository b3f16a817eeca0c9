import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import type { MigrationList } from '@prisma/schema-engine-wasm'
import { withSettings } from '@rekey/platform/postgres-settings'
import pg from 'pg'
import { withSchemaEngine } from './schema-engine.ts'

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
  databaseUrl: string
  /** Folder of the Prisma schema and its `migrations`. */
  dir?: string
}

/**
 * Applies the missing migrations, as `prisma migrate deploy` does, and returns their names. Idempotent; concurrent runs
 * wait for each other.
 * @throws Error that names the database if it is unreachable; the engine's error if a migration fails
 */
export const migrate = async ({ databaseUrl, dir = prismaDir }: MigrateOptions): Promise<{ applied: string[] }> => {
  await assertReachable(databaseUrl)
  const migrationsList = readMigrations(join(dir, 'migrations'))
  const schema = readFileSync(join(dir, 'schema.prisma'), 'utf8')
  try {
    const { appliedMigrationNames } = await withSchemaEngine(databaseUrl, schema, (engine) =>
      engine.applyMigrations({ migrationsList, filters: { externalTables: [], externalEnums: [] } }),
    )
    return { applied: appliedMigrationNames }
  } catch (cause) {
    // The engine appends a stack trace to its message.
    const [message] = (cause as Error).message.split(/\n\s+0: /)
    throw new Error(`migration failed: ${message}`, { cause })
  }
}
