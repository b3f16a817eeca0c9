import { setTimeout as delay } from 'node:timers/promises'
import { withSettings } from '@rekey/platform/postgres-settings'
import pg from 'pg'
import { type Patience, pauseAfter } from './migration-patience.ts'

interface Blocker {
  pid: number
  kind: string
  name: string | null
  role: string | null
  state: string | null
  seconds: number | null
}

const columns = `a.pid, a.backend_type AS kind, nullif(a.application_name, '') AS name, a.usename AS role, a.state,
  extract(epoch FROM clock_timestamp() - coalesce(a.xact_start, a.query_start))::float8 AS seconds`

const describe = ({ pid, kind, name, role, state, seconds }: Blocker) =>
  [
    `process ${pid} (${name ?? kind}`,
    ...(role ? [`role ${role}`] : []),
    ...(state ? [state] : []),
    // Postgres hides the age from other roles without pg_read_all_stats.
    `${seconds === null ? 'of unknown age' : `for ${Math.round(seconds)} s`})`,
  ].join(', ')

const describeAll = (blockers: readonly Blocker[]) => blockers.map(describe).join('; ')

/**
 * Watches, on a connection of its own, what blocks a process of Postgres.
 * @returns `describe`, for what blocked it last: undefined if nothing did
 */
export const watchBlockers = async (databaseUrl: string, pid: number, intervalMs: number) => {
  const client = new pg.Client({
    connectionString: withSettings(databaseUrl),
    connectionTimeoutMillis: 5_000,
    application_name: 'rekey migrate, locks',
  })
  client.on('error', () => {})
  await client.connect()
  const closed = new AbortController()
  let last: Blocker[] = []
  const read = async () => {
    const { rows } = await client.query<Blocker>(
      `SELECT ${columns} FROM pg_stat_activity a WHERE a.pid = ANY (pg_blocking_pids($1)) ORDER BY seconds DESC NULLS LAST`,
      [pid],
    )
    if (rows.length > 0) last = rows
  }
  const watch = async () => {
    while (!closed.signal.aborted) {
      // A lost connection costs only the names of the blockers.
      await read().catch(() => {})
      await delay(intervalMs, undefined, { signal: closed.signal }).catch(() => {})
    }
  }
  const watching = watch()
  return {
    describe: () => (last.length > 0 ? describeAll(last) : undefined),
    forget: () => {
      last = []
    },
    async close() {
      closed.abort()
      await watching
      await client.end().catch(() => {})
    },
  }
}

export type BlockerWatch = Awaited<ReturnType<typeof watchBlockers>>

/** The key of Prisma's own lock: excludes `prisma migrate deploy` too. */
const migrationKey = 72_707_369

const holderQuery = `
  SELECT ${columns} FROM pg_locks l JOIN pg_stat_activity a USING (pid)
  WHERE l.locktype = 'advisory' AND l.granted AND l.classid = 0 AND l.objid = ${migrationKey}
    AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())`

/**
 * Takes the lock that admits one migration at a time, for the session of `client`. Polls: a blocked statement would keep a
 * snapshot, for which CREATE INDEX CONCURRENTLY of the other migration waits.
 * @throws Error that names the holder after `waitMs`
 */
export const lockMigrations = async (client: pg.ClientBase, { waitMs, onWait }: Patience): Promise<void> => {
  const deadline = performance.now() + waitMs
  for (let failures = 1; ; failures += 1) {
    const { rows } = await client.query<{ locked: boolean }>(`SELECT pg_try_advisory_lock(${migrationKey}) AS locked`)
    if (rows[0]?.locked) return
    const holders = describeAll((await client.query<Blocker>(holderQuery)).rows)
    if (performance.now() >= deadline) throw new Error(`another migration is running: ${holders}`)
    onWait(`Another migration is running: ${holders}. Waiting for its end.`)
    await delay(Math.min(pauseAfter(failures), Math.max(0, deadline - performance.now())))
  }
}
