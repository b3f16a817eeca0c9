import { setTimeout as delay } from 'node:timers/promises'
import type { DropStmt, IndexStmt, ParseResult } from '@pgsql/types'
import { loadModule, parseSync } from 'libpg-query'
import pg from 'pg'
import type { BlockerWatch } from './migration-locks.ts'
import { type Patience, pauseAfter } from './migration-patience.ts'

await loadModule()

/** SQLSTATE lock_not_available and deadlock_detected: the migration was rolled back, and may be repeated. */
const lockStates = new Set(['55P03', '40P01'])

const undefinedObject = '42704'

const isLockFailure = (error: unknown): boolean => error instanceof pg.DatabaseError && lockStates.has(error.code ?? '')

/** Marks the running migration as finished, in its own transaction: a process that is killed leaves all of it or none. */
const markFinished = `
  UPDATE _prisma_migrations SET finished_at = now(), applied_steps_count = 1
  WHERE finished_at IS NULL AND rolled_back_at IS NULL`

const runInTransaction = async (client: pg.ClientBase, script: string, patience: Patience) => {
  await client.query('BEGIN')
  try {
    await client.query(`SET LOCAL lock_timeout = ${patience.lockTimeoutMs}`)
    await client.query(`SET LOCAL statement_timeout = ${patience.statementTimeoutMs}`)
    await client.query(script)
    await client.query(markFinished)
    await client.query('COMMIT')
  } catch (error) {
    await client.query('ROLLBACK').catch(() => {})
    throw error
  }
}

interface ConcurrentStatement {
  sql: string
  /** The index that it creates; undefined if it drops one. */
  creates?: string
}

/** The statements of a script that has CREATE or DROP INDEX CONCURRENTLY alone; undefined for any other script. */
const concurrentStatements = (script: string): ConcurrentStatement[] | undefined => {
  let parsed: ParseResult
  try {
    parsed = parseSync(script)
  } catch {
    // Postgres reports the error.
    return undefined
  }
  const bytes = Buffer.from(script)
  const found = (parsed.stmts ?? []).flatMap(({ stmt, stmt_location: from = 0, stmt_len: length }) => {
    const sql = bytes.subarray(from, length === undefined ? undefined : from + length).toString()
    const { IndexStmt: index, DropStmt: drop } = stmt as { IndexStmt?: IndexStmt; DropStmt?: DropStmt }
    if (index?.concurrent && index.idxname) {
      const schema = index.relation?.schemaname
      return [{ sql, creates: [...(schema ? [schema] : []), index.idxname].map(pg.escapeIdentifier).join('.') }]
    }
    return drop?.concurrent ? [{ sql }] : []
  })
  return found.length > 0 && found.length === parsed.stmts?.length ? found : undefined
}

/** True if the index exists and is valid. An invalid one, which a failure left, is dropped. */
const isBuilt = async (client: pg.ClientBase, name: string): Promise<boolean> => {
  const { rows } = await client.query<{ valid: boolean }>(
    'SELECT indisvalid AS valid FROM pg_index WHERE indexrelid = to_regclass($1)',
    [name],
  )
  const [index] = rows
  if (index && !index.valid) await client.query(`DROP INDEX CONCURRENTLY ${name}`)
  return index?.valid ?? false
}

/** An interrupted migration may have dropped the index already. */
const ignoreMissing = (error: Error & { code?: string }) => {
  if (error.code !== undefinedObject) throw error
}

/**
 * Without a transaction. Each statement waits for transactions that began before it, and blocks neither reads nor writes
 * meanwhile: it may wait for as long as the migration.
 */
const runConcurrently = async (client: pg.ClientBase, statements: ConcurrentStatement[], { waitMs }: Patience) => {
  await client.query(`SET lock_timeout = ${waitMs}`)
  try {
    for (const { sql, creates } of statements) {
      if (creates === undefined) await client.query(sql).catch(ignoreMissing)
      else if (!(await isBuilt(client, creates))) await client.query(sql)
    }
  } finally {
    await client.query('SET lock_timeout = 0').catch(() => {})
  }
}

const locksNotFree = (cause: Error, { waitMs }: Patience, blockers: string | undefined) =>
  new Error(
    `it did not get its locks within ${Math.round(waitMs / 1_000)} s (${cause.message}); ` +
      `${blockers ? `they were held by ${blockers}` : 'what held them ended in between'}. Nothing was changed.`,
    { cause },
  )

/**
 * Runs one migration, and repeats it while it does not get its locks: each try waits for a lock only briefly, so that
 * requests that queue behind it are answered.
 *
 * @throws Error that names what held the locks, after `waitMs`; DatabaseError if it fails for another reason
 */
export const runScript = async (
  client: pg.ClientBase,
  script: string,
  { patience, blockers }: { patience: Patience; blockers: BlockerWatch },
): Promise<void> => {
  const concurrent = concurrentStatements(script)
  const deadline = performance.now() + patience.waitMs
  for (let failures = 1; ; failures += 1) {
    blockers.forget()
    try {
      const left = { ...patience, waitMs: Math.max(1, Math.round(deadline - performance.now())) }
      return await (concurrent ? runConcurrently(client, concurrent, left) : runInTransaction(client, script, patience))
    } catch (error) {
      if (!isLockFailure(error)) throw error
      const held = blockers.describe()
      const pauseMs = pauseAfter(failures)
      if (performance.now() + pauseMs >= deadline) throw locksNotFree(error as Error, patience, held)
      patience.onWait(
        `A table is locked${held ? ` by ${held}` : ''}. Trying again in ${(pauseMs / 1_000).toFixed(1)} s.`,
      )
      await delay(pauseMs)
    }
  }
}
