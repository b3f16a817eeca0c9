import { createHash } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type pg from 'pg'
import { type Finding, fail, ok, warn } from '../finding.ts'

const folder = join(import.meta.dirname, '../../../prisma/migrations')
const undefinedTable = '42P01'
const insufficientPrivilege = '42501'

interface Migration {
  name: string
  checksum: string
  isFinished: boolean
}

/** Each migration of this version with the checksum that Prisma stores (SHA-256 of its script). */
const ofThisVersion = () =>
  new Map(
    readdirSync(folder, { withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .map(({ name }) => [
        name,
        createHash('sha256')
          .update(readFileSync(join(folder, name, 'migration.sql')))
          .digest('hex'),
      ]),
  )

const query = `
  SELECT migration_name AS name, checksum, finished_at IS NOT NULL AS "isFinished"
  FROM _prisma_migrations WHERE rolled_back_at IS NULL ORDER BY migration_name`

const compare = (applied: readonly Migration[]): Finding[] => {
  const own = ofThisVersion()
  const names = new Set(applied.map(({ name }) => name))
  const pending = [...own.keys()].filter((name) => !names.has(name)).toSorted()
  const unknown = applied.filter(({ name }) => !own.has(name))
  const unfinished = applied.filter(({ isFinished }) => !isFinished)
  const changed = applied.filter(({ name, checksum }) => own.has(name) && own.get(name) !== checksum)
  const list = (migrations: readonly Migration[]) => migrations.map(({ name }) => name).join(', ')
  return [
    ...(pending.length > 0 ? [fail(`pending: ${pending.join(', ')}`, 'npm run migrate')] : []),
    ...(unfinished.length > 0
      ? [fail(`not finished: ${list(unfinished)}`, 'npm run migrate, unless it is running now')]
      : []),
    ...(unknown.length > 0
      ? [
          warn(
            `unknown to this version: ${list(unknown)}`,
            'run the doctor of the version that migrated; if there is none, find out who changed the database',
          ),
        ]
      : []),
    ...(changed.length > 0
      ? [warn(`applied with another text than now: ${list(changed)}`, 'use the sources of a release')]
      : []),
  ]
}

/** Compares the applied migrations with those of this version. */
export const migrationFindings = async (client: pg.Pool): Promise<Finding[]> => {
  try {
    const { rows } = await client.query<Migration>(query)
    const found = compare(rows)
    return found.length > 0 ? found : [ok(`all ${rows.length} are applied, and none is unknown`)]
  } catch (error) {
    const { code } = error as { code?: string }
    if (code === undefinedTable) return [fail('none is applied', 'npm run migrate')]
    if (code !== insufficientPrivilege) throw error
    return [
      warn('this role cannot read which are applied', 'run deploy/postgres/grants.sql as the owner of the tables'),
    ]
  }
}
