import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { migrate } from '@rekey/local-servers/migrate'
import { defaultPatience, type Patience } from '@rekey/local-servers/migration-patience'
import { startPostgres } from '@rekey/local-servers/postgres'
import { diffSchemas } from '@rekey/local-servers/schema-diff'
import { loadConfig } from '@rekey/platform/config'
import { withSettings } from '@rekey/platform/postgres-settings'
import { Type } from '@sinclair/typebox'
import pg from 'pg'

const usage = `Usage:
  npm run migrate                applies the pending migrations to REKEY_DATABASE_DIRECT_URL, otherwise DATABASE_URL, of
                                 the environment or of the file REKEY_SECRETS_FILE
    --grants                     then runs deploy/postgres/grants.sql, which grants rekey_service its access
    --wait SECONDS               how long to try again while other transactions hold locks (600)
    --lock-timeout MS            longest wait for one lock at a time, during which requests wait too (400)
    --statement-timeout SECONDS  longest statement of a migration in a transaction (900)
  npm run migrate -- new NAME    writes a migration for the changes of prisma/schema.prisma`

const root = resolve(import.meta.dirname, '..')
const git = (...args: string[]) => execFileSync('git', args, { cwd: root, encoding: 'utf8' }).trim()

// Each migration is committed together with the schema that it results in.
const schemaOfLastMigration = () => {
  const commit = git('log', '-1', '--format=%H', '--', 'prisma/migrations/*/migration.sql')
  return commit ? git('show', `${commit}:prisma/schema.prisma`) : undefined
}

const timestamp = (now: Date) => now.toISOString().replace(/\D/g, '').slice(0, 14)

const writeMigration = async (name: string) => {
  if (!/^[a-z0-9_]+$/.test(name)) throw new Error(`The name of a migration may contain a-z, 0-9 and _ only: ${name}`)
  const scratch = mkdtempSync(join(tmpdir(), 'rekey-migrate-'))
  const postgres = await startPostgres({ dataDir: scratch, durable: false })
  try {
    const to = readFileSync(join(root, 'prisma/schema.prisma'), 'utf8')
    const sql = await diffSchemas({ databaseUrl: postgres.url, from: schemaOfLastMigration(), to })
    if (!sql) return console.log('schema.prisma has not changed since the last migration.')
    const folder = join('prisma/migrations', `${timestamp(new Date())}_${name}`)
    mkdirSync(join(root, folder), { recursive: true })
    writeFileSync(join(root, folder, 'migration.sql'), `${sql.trim()}\n`)
    console.log(`Wrote ${folder}/migration.sql. Read it, then commit it together with schema.prisma.`)
  } finally {
    await postgres.stop()
    rmSync(scratch, { recursive: true, force: true })
  }
}

/** Requests have a time-out of 1.5 s for a statement: a migration must not let them wait as long. */
const longestLockTimeoutMs = 1_000

const readNumber = (flag: string, text: string | undefined, [least, most]: [number, number]): number | undefined => {
  if (text === undefined) return undefined
  const value = /^\d+$/.test(text) ? Number(text) : Number.NaN
  if (value >= least && value <= most) return value
  throw new Error(`--${flag} needs a number from ${least} to ${most}.\n\n${usage}`)
}

const seconds = (value: number | undefined) => (value === undefined ? undefined : value * 1_000)

const readPatience = (flags: Partial<Record<'wait' | 'lock-timeout' | 'statement-timeout', string>>) => ({
  waitMs: seconds(readNumber('wait', flags.wait, [0, 86_400])) ?? defaultPatience.waitMs,
  lockTimeoutMs:
    readNumber('lock-timeout', flags['lock-timeout'], [10, longestLockTimeoutMs]) ?? defaultPatience.lockTimeoutMs,
  statementTimeoutMs:
    seconds(readNumber('statement-timeout', flags['statement-timeout'], [1, 86_400])) ??
    defaultPatience.statementTimeoutMs,
  onWait: (line: string) => console.error(line),
})

/** Repeatable: it is one transaction that revokes everything and grants what this version needs. */
const grant = async (connectionString: string) => {
  const client = new pg.Client({ connectionString: withSettings(connectionString) })
  await client.connect()
  try {
    await client.query(readFileSync(join(root, 'deploy/postgres/grants.sql'), 'utf8'))
  } finally {
    await client.end()
  }
  console.log('Granted rekey_service its access.')
}

const Env = Type.Object({
  DATABASE_URL: Type.Optional(Type.String()),
  REKEY_DATABASE_DIRECT_URL: Type.Optional(Type.String()),
})

const deploy = async (patience: Patience, grants: boolean) => {
  const { DATABASE_URL, REKEY_DATABASE_DIRECT_URL } = loadConfig(Env, process.env)
  const databaseUrl = REKEY_DATABASE_DIRECT_URL ?? DATABASE_URL
  if (!databaseUrl) throw new Error('DATABASE_URL is missing.')
  const { applied } = await migrate({ databaseUrl, patience })
  console.log(applied.length ? `Applied ${applied.join(', ')}.` : 'No pending migrations.')
  if (grants) await grant(databaseUrl)
}

try {
  const { positionals, values } = parseArgs({
    allowPositionals: true,
    options: {
      help: { type: 'boolean', short: 'h' },
      grants: { type: 'boolean' },
      wait: { type: 'string' },
      'lock-timeout': { type: 'string' },
      'statement-timeout': { type: 'string' },
    },
  })
  const [command, name, ...rest] = positionals
  if (values.help) console.log(usage)
  else if (command === undefined) await deploy(readPatience(values), values.grants === true)
  else if (command === 'new' && name && rest.length === 0) await writeMigration(name)
  else throw new Error(usage)
} catch (error) {
  console.error(error instanceof Error ? error.message : error)
  process.exitCode = 1
}
