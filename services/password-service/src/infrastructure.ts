import { connectBroker } from '@rekey/platform/broker'
import { brokerAccess } from '@rekey/platform/broker-access'
import { createDeadLetters } from '@rekey/platform/dead-letter'
import { deriveKeys, toKeys } from '@rekey/platform/keys'
import { createProgress } from '@rekey/platform/progress'
import { createPublisher } from '@rekey/platform/publisher'
import { createReplay } from '@rekey/platform/replay'
import type { Runtime } from '@rekey/platform/run'
import { watchStreams } from '@rekey/platform/stream-watch'
import { ensureStreams } from '@rekey/platform/streams'
import { createTls } from '@rekey/platform/tls'
import type { Config } from './config.ts'
import { loopOptions, openDatabase } from './database.ts'
import { databaseUrls } from './database-urls.ts'

const service = 'password-service'

/** Streams that this service publishes to, and the work queue that it reads. */
const streams = ['PASSWORD', 'NOTIFY', 'MESSAGE'] as const

/** Everything that the features share, created once. Neither Postgres nor the broker needs to be up yet. */
export const createInfrastructure = (config: Config, { log, metrics, now, random }: Runtime) => {
  const tls = createTls(config, { log, metrics })
  const elapsedMs = () => performance.now()
  const { url, directUrl, pooled } = databaseUrls(config)
  const database = openDatabase({ url, pooled, poolSize: config.REKEY_DATABASE_POOL, log, metrics })
  /** For background loops (docs/adr/0009). */
  const loops = openDatabase({ ...loopOptions, url, pooled, log, metrics })
  const broker = connectBroker({ ...brokerAccess(config), name: service, log, metrics })
  ensureStreams(broker, streams, config)
  const progress = createProgress({ elapsedMs, metrics })
  const reportKeys = toKeys(config.REKEY_REPORT_KEY)
  // No other service has the key.
  const proofKeys = deriveKeys(reportKeys, 'dead letters')
  const streamWatch = watchStreams(streams, { broker, metrics, progress, now, log })
  return {
    service,
    log,
    metrics,
    now,
    random,
    elapsedMs,
    /** Of the listener, and of requests to the gateway. */
    tls,
    database,
    loops,
    /** Postgres itself, for what needs a session. */
    directDatabaseUrl: directUrl,
    broker,
    progress,
    publisher: createPublisher({ broker, source: service, now, random }),
    deadLetters: createDeadLetters({ broker, metrics, proofKeys }),
    replay: createReplay({ service, broker, proofKeys, now, log }),
    /** How long an event is retried before it becomes a dead letter. */
    retryMs: config.REKEY_EVENT_RETRY_HOURS * 3_600_000,
    /** False if no message reaches a phone number. */
    smsCodes: config.REKEY_SMS_CODES,
    /** True if staff act on a customer only after a verification (S59). */
    staffNeedsProof: config.REKEY_STAFF_NEEDS_PROOF ?? config.REKEY_PROFILE === 'production',
    /** Origin of the gateway. */
    publicUrl: config.REKEY_PUBLIC_URL,
    keys: {
      username: toKeys(config.REKEY_USERNAME_SEAL_KEY),
      address: toKeys(config.REKEY_ADDRESS_SEAL_KEY),
      report: reportKeys,
      factor: toKeys(config.REKEY_FACTOR_SEAL_KEY),
      reportHandle: deriveKeys(reportKeys, 'report handle'),
    },
    async close() {
      await streamWatch.close()
      await broker.close()
      await Promise.all([database.close(), loops.close()])
      await tls.close()
    },
  }
}

export type Infrastructure = ReturnType<typeof createInfrastructure>
