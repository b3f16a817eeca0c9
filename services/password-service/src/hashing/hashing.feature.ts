import { createQueue, type Queue } from '@rekey/platform/queue'
import type { Config } from '../config.ts'
import type { Feature } from '../feature.ts'
import type { Infrastructure } from '../infrastructure.ts'
import { createHashMetrics } from './hash-metrics.ts'
import { createHasher, type Hasher, parsePeppers } from './hasher.ts'

export interface Hashing extends Feature {
  hasher: Hasher
}

/** Hashes passwords, on a bounded queue. */
export const createHashing = ({ elapsedMs, metrics, log, random }: Infrastructure, config: Config): Hashing => {
  const measure = createHashMetrics(metrics, () => queue.waiting())
  const queue: Queue = createQueue({
    name: 'password_hashes',
    concurrency: config.REKEY_HASH_CONCURRENCY,
    waiting: config.REKEY_HASH_QUEUE,
    elapsedMs,
    metrics,
    log,
    measure,
  })
  const cost = { memoryKib: config.REKEY_HASH_MEMORY_KIB, passes: config.REKEY_HASH_PASSES }
  return { hasher: createHasher({ queue, peppers: parsePeppers(config.REKEY_PASSWORD_PEPPERS), cost, random, log }) }
}
