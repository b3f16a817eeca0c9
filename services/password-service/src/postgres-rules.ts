import { requiredSettings, timeoutSettings } from '@rekey/platform/postgres-settings'
import type { ServerRule } from '@rekey/platform/production'
import type { Config } from './config.ts'
import { loopOptions } from './database.ts'
import { databaseUrls } from './database-urls.ts'
import { type CorrectnessFacts, type Facts, leastPooledTimeoutMs, leastVersion, probe } from './postgres-facts.ts'

/** Longer than any transaction of Rekey; the longest are those of a job and of a migration. */
const leastTransactionTimeoutMs = 60_000

/** The listener of the outbox, and the pool of the background loops. */
const connectionsBesidePool = 1 + loopOptions.poolSize

/** A possible configuration error: its line, and whether it applies. */
type Finding = readonly [applies: boolean, line: string]

const linesOf = (findings: readonly Finding[]) => findings.flatMap(([applies, line]) => (applies ? [line] : []))

const correctnessFindings = (facts: CorrectnessFacts, pool: number, pooled: boolean): Finding[] => [
  [
    facts.versionNumber < leastVersion,
    `DATABASE_URL is PostgreSQL ${facts.version}: ${leastVersion / 10_000} or newer is needed.`,
  ],
  [
    facts.serverEncoding !== 'UTF8',
    `DATABASE_URL is a database with encoding ${facts.serverEncoding}: create one with ENCODING 'UTF8'.`,
  ],
  [
    facts.isStandby,
    'DATABASE_URL is a standby, which accepts no writes: name the primary, or an address that follows it.',
  ],
  [
    facts.isReadOnly && !facts.isStandby,
    'DATABASE_URL is read-only by default_transaction_read_only: turn it off for this server, database and role.',
  ],
  [
    facts.replicationRole !== 'origin',
    `DATABASE_URL has session_replication_role ${facts.replicationRole}, which skips triggers: set it to origin.`,
  ],
  [
    facts.transactionTimeoutMs > 0 && facts.transactionTimeoutMs < leastTransactionTimeoutMs,
    `DATABASE_URL has transaction_timeout ${facts.transactionTimeoutMs} ms: set it to 0, or to at least ${leastTransactionTimeoutMs}.`,
  ],
  [
    facts.isCollationStale,
    'DATABASE_URL is a database whose collation changed since its indexes were built: REINDEX DATABASE, then ' +
      'ALTER DATABASE … REFRESH COLLATION VERSION.',
  ],
  [
    // A pooler has a limit of its own.
    !pooled && facts.connections < pool + connectionsBesidePool,
    `REKEY_DATABASE_POOL is ${pool}, and Postgres allows this role ${facts.connections} connections, of which ` +
      `${connectionsBesidePool} are for the listener and the loops: lower it, or raise max_connections or the limit ` +
      'of the role or the database.',
  ],
  ...facts.settings.map(
    ({ name, setting }): Finding => [
      true,
      pooled
        ? `DATABASE_URL gives connections with ${name} ${setting}: make ${expected(name)} the role’s default ` +
          '(deploy/postgres/pooler.sql) and restart the pooler.'
        : `DATABASE_URL gives connections with ${name} ${setting}, although the startup parameter has another value: ` +
          'no login trigger may change it, and of a pooler name Postgres itself in REKEY_DATABASE_DIRECT_URL.',
    ],
  ),
]

const expected = (name: string) => {
  const [required, value] =
    Object.entries(requiredSettings).find(([required]) => required.toLowerCase() === name.toLowerCase()) ?? []
  return timeoutSettings.some((timeout) => timeout === required) ? `0 or ${leastPooledTimeoutMs} ms` : value
}

/** Configuration errors of a server for a pool of this size, one line each. */
export const correctnessErrors = (facts: CorrectnessFacts, pool: number, pooled = false): string[] =>
  linesOf(correctnessFindings(facts, pool, pooled))

const nameDirect = 'name Postgres itself in REKEY_DATABASE_DIRECT_URL (docs/operations.md, "A pooler")'

/** Errors of the URL that must be that of Postgres itself, given the facts that the other one reads. */
const directErrors = (direct: Facts | { refusal: string }, database: string): string[] => {
  if ('refusal' in direct) {
    return [`REKEY_DATABASE_DIRECT_URL rejects the startup parameters that Rekey needs: ${direct.refusal}.`]
  }
  return linesOf([
    [direct.isPooler, 'REKEY_DATABASE_DIRECT_URL is a connection pooler too: name Postgres itself.'],
    [direct.database !== database, 'REKEY_DATABASE_DIRECT_URL is another database than DATABASE_URL.'],
  ])
}

const durabilityFindings = ({ fsync, fullPageWrites, synchronousCommit }: Facts): Finding[] => [
  [fsync === 'off', 'DATABASE_URL is a Postgres with fsync off, which a power cut can corrupt: turn it on.'],
  [
    fullPageWrites === 'off',
    'DATABASE_URL is a Postgres with full_page_writes off, which a power cut can corrupt: turn it on.',
  ],
  [
    synchronousCommit === 'off',
    'DATABASE_URL is a Postgres with synchronous_commit off, which loses commits in a crash: turn it on.',
  ],
]

/** Refuses a server, database, role or pooler whose settings make results wrong. */
export const postgresIsFit: ServerRule<Config> = async ({
  DATABASE_URL,
  REKEY_DATABASE_DIRECT_URL,
  REKEY_DATABASE_POOL = 0,
}) => {
  if (DATABASE_URL === undefined) return []
  const { url, directUrl, pooled } = databaseUrls({ DATABASE_URL, REKEY_DATABASE_DIRECT_URL })
  const answer = await probe(url, pooled)
  if (answer === undefined) return undefined
  if ('refusal' in answer) {
    return [
      `DATABASE_URL rejects the startup parameters that Rekey needs: ${answer.refusal}. If it is a pooler, ${nameDirect}.`,
    ]
  }
  // Its settings are not those that were asked for either, which is the same fault.
  if (answer.isPooler && !pooled) return [`DATABASE_URL is a connection pooler: ${nameDirect}.`]
  const errors = correctnessErrors(answer, REKEY_DATABASE_POOL, pooled)
  if (!pooled) return errors
  const direct = await probe(directUrl, false)
  return direct && [...errors, ...directErrors(direct, answer.database)]
}

/** Refuses a server that can lose commits in a crash: the password before a restore, which a thief may have, would be valid again. */
export const postgresIsDurable: ServerRule<Config> = async ({ DATABASE_URL, REKEY_DATABASE_DIRECT_URL }) => {
  if (DATABASE_URL === undefined) return []
  const { url, pooled } = databaseUrls({ DATABASE_URL, REKEY_DATABASE_DIRECT_URL })
  const answer = await probe(url, pooled)
  if (answer === undefined) return undefined
  return 'refusal' in answer ? [] : linesOf(durabilityFindings(answer))
}
