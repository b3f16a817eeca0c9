import type { Logger } from '@rekey/platform/logger'
import type { Metrics } from '@rekey/platform/metrics'
import { type PostgresSettings, withSettings } from '@rekey/platform/postgres-settings'
import pg from 'pg'
import { createCancellingClient, keepContext, type PoolName } from './cancelling-client.ts'
import { measurePool } from './pool-metrics.ts'

export interface PoolOptions {
  url: string
  poolSize: number
  log: Logger
  /** Label of the metrics. */
  name?: PoolName
  metrics?: Metrics
  /** Time-out of a statement; the default is shorter than a caller waits. */
  statementTimeoutMs?: number
  /** Longest transaction at the server (Postgres 17 or newer). */
  serverTransactionTimeoutMs?: number
  /** Settings of Postgres for each connection. */
  settings?: PostgresSettings
  /**
   * True if the URL is that of a pooler in transaction mode. It refuses settings of a session: then each transaction sets
   * what differs from the role's defaults (deploy/postgres/pooler.sql).
   */
  pooled?: boolean
}

// Callers get the answer 503 within two seconds.
export const connectTimeoutMs = 1_500
export const callersStatementTimeoutMs = 1_500
/** For a connection and a statement together: callers also wait for the rest of the request. */
const callersLongestMs = 1_800
/** Longer than the client's time-out: only a transaction that the client gave up is ended by the server. */
const callersServerTransactionTimeoutMs = 10_000

/** Postgres 17 or newer ends a transaction that is longer; earlier ones do not have the setting. */
const limitTransactions = (client: pg.ClientBase, ms: number) =>
  client.query(`SELECT set_config(name, $1, false) FROM pg_settings WHERE name = 'transaction_timeout'`, [String(ms)])

/**
 * Opens a pool of connections to Postgres, with the settings and time-outs of each connection. It starts without the
 * server, and reconnects by itself.
 */
export const openPool = ({
  url,
  poolSize,
  log,
  name = 'callers',
  metrics,
  statementTimeoutMs = callersStatementTimeoutMs,
  serverTransactionTimeoutMs = callersServerTransactionTimeoutMs,
  settings = {},
  pooled = false,
}: PoolOptions) => {
  const cancelling = createCancellingClient({
    limit: poolSize,
    pool: name,
    metrics,
    statementTimeoutMs,
    longestMs: statementTimeoutMs === callersStatementTimeoutMs ? callersLongestMs : undefined,
  })
  const pool = new pg.Pool({
    connectionString: withSettings(url, settings, { pooled }),
    Client: cancelling.Client,
    max: poolSize,
    connectionTimeoutMillis: connectTimeoutMs,
    // The client's time-out: a stalled server does not cancel its statements, and a COMMIT has no time-out of the server.
    query_timeout: statementTimeoutMs,
    ...(pooled
      ? {}
      : {
          statement_timeout: statementTimeoutMs,
          // Limits how long the rows of a client that disappeared during a transaction stay locked.
          idle_in_transaction_session_timeout: 5_000,
          onConnect: (client) => limitTransactions(client, serverTransactionTimeoutMs),
        }),
    application_name: 'rekey-password-service',
    keepAlive: true,
    // A server that disappeared is noticed within about ten minutes, although its connections are idle.
    keepAliveInitialDelayMillis: 10_000,
  })
  keepContext(pool)
  if (metrics) measurePool(metrics, name, pool)
  // Never removed: connections may emit errors after the pool's end, and without a handler these end the process.
  pool.on('error', (err) => log.event('database_connection_ended', { err }))
  // After a time-out of the network a transaction may still be open, because its ROLLBACK failed too. The next user of the
  // connection would commit its statements. Closing the connection makes Postgres roll back.
  pool.on('release', (_err, client) => {
    if (client.getTransactionStatus() !== 'I') void client.end()
  })
  return { pool, cancelling }
}
