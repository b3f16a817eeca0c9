import { createBackgroundPublisher } from '@rekey/platform/background-publisher'
import { connectBroker } from '@rekey/platform/broker'
import { brokerAccess } from '@rekey/platform/broker-access'
import type { ServiceConfig } from '@rekey/platform/config'
import { deriveKeys, toKeys } from '@rekey/platform/keys'
import { createProgress } from '@rekey/platform/progress'
import { createPublisher } from '@rekey/platform/publisher'
import { connectRedis } from '@rekey/platform/redis'
import { createReplay } from '@rekey/platform/replay'
import type { Runtime } from '@rekey/platform/run'
import { watchStreams } from '@rekey/platform/stream-watch'
import { ensureStreams } from '@rekey/platform/streams'
import { createTls } from '@rekey/platform/tls'
import type { TlsSettings } from '@rekey/platform/tls-env'

interface Settings extends ServiceConfig, Omit<TlsSettings, 'HOST'> {
  REDIS_URL: string
  REKEY_REDIS_CLUSTER: boolean
  REKEY_CODE_KEY: string
}

/** What every feature may use: the runtime, one connection to each server, and the publishers of events. */
export const createInfrastructure = (config: Settings, runtime: Runtime) => {
  const { log, metrics, now, random } = runtime
  const tls = createTls(config, runtime)
  const redis = connectRedis({ url: config.REDIS_URL, cluster: config.REKEY_REDIS_CLUSTER, log })
  const broker = connectBroker({ ...brokerAccess(config), name: 'auth-gateway', log, metrics })
  ensureStreams(broker, ['AUTH'], config)
  const publisher = createPublisher({ broker, source: 'auth-gateway', now, random })
  const elapsedMs = () => performance.now()
  const progress = createProgress({ elapsedMs, metrics })
  const streamWatch = watchStreams(['AUTH'], { broker, metrics, progress, now, log })
  // No other service has the key.
  const proofKeys = deriveKeys(toKeys(config.REKEY_CODE_KEY), 'dead letters')
  const backgroundPublisher = createBackgroundPublisher({
    publisher,
    broker,
    elapsedMs,
    metrics,
    progress,
    log,
    proofKeys,
  })
  return {
    ...runtime,
    /** The listener uses it, and connections to the password-service. */
    tls,
    redis,
    broker,
    publisher,
    elapsedMs,
    progress,
    backgroundPublisher,
    replay: createReplay({ service: 'auth-gateway', broker, proofKeys, now, log }),

    /** Publishes what waits, then disconnects. */
    async close(): Promise<void> {
      await backgroundPublisher.close()
      await streamWatch.close()
      await broker.close()
      redis.disconnect()
      await tls.close()
    },
  }
}

export type Infrastructure = ReturnType<typeof createInfrastructure>
