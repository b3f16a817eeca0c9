import { setTimeout as delay } from 'node:timers/promises'
import type { Now } from '@rekey/platform/clock'
import type { Logger } from '@rekey/platform/logger'

/** Deletes at most `limit` rows that nothing will ask for again. @returns how many */
type Deletion = (now: Date, limit: number) => Promise<number>

interface Deps {
  /** Each by the store whose rows they are. */
  deletions: Deletion[]
  now: Now
  log: Logger
}

interface Sweeper {
  /** Deletes what has had its day. One that fails keeps none of the others from it; the first failure is thrown last. */
  sweep(): Promise<void>
  close(): Promise<void>
}

const intervalMs = 60_000
const batchSize = 500

/** Has every store delete what has had its day, a few rows at a time. It may run on every instance. */
export const startSweeper = ({ deletions, now, log }: Deps): Sweeper => {
  const stopped = new AbortController()

  const deleteAll = async (deleteBatch: Deletion) => {
    let deleted: number
    do {
      deleted = await deleteBatch(now(), batchSize)
    } while (deleted === batchSize && !stopped.signal.aborted)
  }

  const sweep = async () => {
    const failures: unknown[] = []
    for (const deletion of deletions) await deleteAll(deletion).catch((err) => failures.push(err))
    if (failures.length > 0) throw failures[0]
  }

  const loop = async () => {
    while (!stopped.signal.aborted) {
      await delay(intervalMs, undefined, { signal: stopped.signal, ref: false }).catch(() => {})
      if (stopped.signal.aborted) return
      await sweep().catch((err) => log.warn({ err }, 'sweep failed, again in a minute'))
    }
  }
  const running = loop()

  return {
    sweep,
    async close() {
      stopped.abort()
      await running
    },
  }
}
