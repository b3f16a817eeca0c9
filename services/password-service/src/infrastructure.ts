import { connectBroker } from '@rekey/platform/broker'
import { brokerAccess } from '@rekey/platform/broker-access'
import { createDeadLetters } from '@rekey/platform/dead-letter'
import { toKeys } from '@rekey/platform/keys'
import { createProgress } from '@rekey/platform/progress'
import { createPublisher } from '@rekey/platform/publisher'
import type { Runtime } from '@rekey/platform/run'
import { watchStreams } from '@rekey/platform/stream-watch'
import { ensureStreams } from '@rekey/platform/streams'
import type { Config } from './config.ts'
import { loopOptions, openDatabase } from './database.ts'

const service = 'password-service'

/** Streams that this service publishes to, and the work queue that it reads. */
const streams = ['PASSWORD', 'NOTIFY', 'MESSAGE'] as const

/** Everything that the features share, created once. Neither Postgres nor the broker needs to be up yet. */
export const createInfrastructure = (config: Config, { log, metrics, now, random }: Runtime) => {
  const elapsedMs = () => performance.now()
  const database = openDatabase({ url: config.DATABASE_URL, poolSize: config.REKEY_DATABASE_POOL, log })
  /** For background loops (docs/adr/0009). */
  const loops = openDatabase({ ...loopOptions, url: config.DATABASE_URL, log })
  const broker = connectBroker({ ...brokerAccess(config), name: service, log, metrics })
  ensureStreams(broker, streams, config)
  const progress = createProgress({ elapsedMs, metrics })
  const streamWatch = watchStreams(streams, { broker, metrics, progress, now, log })
  return {
    service,
    log,
    metrics,
    now,
    random,
    elapsedMs,
    database,
    loops,
    broker,
    progress,
    publisher: createPublisher({ broker, source: service, now, random }),
    deadLetters: createDeadLetters({ broker, metrics }),
    /** How long an event is retried before it becomes a dead letter. */
    retryMs: config.REKEY_EVENT_RETRY_HOURS * 3_600_000,
    /** False if no message reaches a phone number. */
    smsCodes: config.REKEY_SMS_CODES,
    /** Origin of the gateway. */
    publicUrl: config.REKEY_PUBLIC_URL,
    keys: {
      username: toKeys(config.REKEY_USERNAME_SEAL_KEY),
      address: toKeys(config.REKEY_ADDRESS_SEAL_KEY),
      report: toKeys(config.REKEY_REPORT_KEY),
    },
    async close() {
      await streamWatch.close()
      await broker.close()
      await Promise.all([database.close(), loops.close()])
    },
  }
}

export type Infrastructure = ReturnType<typeof createInfrastructure>
