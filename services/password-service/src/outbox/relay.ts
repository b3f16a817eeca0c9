import { type Background, runInBackground } from '@rekey/platform/background'
import { createBatchSize } from '@rekey/platform/batch-size'
import type { Metrics } from '@rekey/platform/metrics'
import type { Progress } from '@rekey/platform/progress'
import { pause } from '@rekey/platform/retry'
import { createCursors } from './cursors.ts'
import { lanesOf, type OutboxStream } from './lanes.ts'
import { createLostEvents } from './lost-events.ts'
import { findWork, type LaneWork, readDue, readLanes } from './relay.store.ts'
import { createRelayBatch, type RelayDeps } from './relay-batch.ts'

interface Deps extends RelayDeps {
  progress: Progress
  metrics: Metrics
}

/** Most events of one lane in a batch. */
const batchSize = 100
/** Lanes of a batch: meanwhile, relays of other instances publish the other lanes. */
const lanesAtOnce = 4
/**
 * Longest wait after a lost notification, for a held event that is due, and for an event whose instance ended before it
 * published it, or cannot reach the broker.
 */
const pollMs = 1_000
/** Pause before lanes are tried again that other relays have locked: an event may have been added after they read. */
const lockedMs = 50
const backoffMs = { first: 100, most: 5_000 }

/**
 * Publishes the committed events of one stream, in order for each customer, and retries until the broker stored each. A
 * rejected event delays only later events of the same customer. Events that are left at the close stay in Postgres.
 */
export const startRelay = (stream: OutboxStream, { progress, ...deps }: Deps): Background => {
  const { broker, loops, elapsedMs, now, log } = deps
  const lostEvents = createLostEvents(stream, deps)
  const report = progress.watch(`outbox ${stream}`)
  const cursors = createCursors({ elapsedMs })
  const size = createBatchSize(batchSize)
  const relayBatch = createRelayBatch(deps)
  /** The first waiting event of each lane in the last round. */
  let firstIds = new Map<number, bigint>()

  /** Reports progress if the first event of a lane was published, by this or another relay. */
  const reportProgress = (work: LaneWork[]) => {
    const found = new Map(work.flatMap(({ lane, firstId }) => (firstId === null ? [] : [[lane, firstId]])))
    if ([...firstIds].some(([lane, id]) => found.get(lane) !== id)) report.moved()
    report.waiting(found.size)
    firstIds = found
  }

  /** Events that the stream has stored so far, and that number when a lane's batch failed first. */
  let stored = 0
  const storedAtFailure = new Map<number, number>()

  const relayLanes = async (batch: Omit<Parameters<typeof relayBatch>[0], 'isStreamUp'>) => {
    const { lanes } = batch
    const isStreamUp = lanes.every((lane) => stored > (storedAtFailure.get(lane) ?? stored))
    const relayed = await relayBatch({ ...batch, isStreamUp })
    if (!relayed) return undefined
    stored += relayed.published
    for (const lane of lanes) {
      if (!relayed.unavailable) storedAtFailure.delete(lane)
      else if (!storedAtFailure.has(lane)) storedAtFailure.set(lane, stored)
    }
    return relayed
  }

  /** @throws if the broker, the stream or Postgres is unavailable */
  const drain = async (stopped: AbortSignal) => {
    for (const lane of await lostEvents.search()) cursors.restart(lane)
    const from = new Map(lanesOf[stream].map((lane) => [lane, cursors.begin(lane)]))
    while (!stopped.aborted) {
      // Throws if the broker is not connected: then no query is needed.
      broker.connection()
      const work = await findWork(loops, from, now())
      reportProgress(work)
      let count = 0
      let isLocked = false
      let unavailable: Error | undefined
      const waiting = work.filter(({ firstId }) => firstId !== null).map(({ lane }) => lane)
      for (let begin = 0; begin < waiting.length; begin += lanesAtOnce) {
        if (stopped.aborted) return
        const relayed = await relayLanes({
          lanes: waiting.slice(begin, begin + lanesAtOnce),
          kind: 'waiting',
          read: (run, lanes) => readLanes(run, { lanes, from, size: size.current }),
        })
        if (!relayed) {
          isLocked = true
          continue
        }
        count += relayed.count
        unavailable ??= relayed.unavailable
        if (relayed.count === 0) continue
        for (const [lane, id] of relayed.upTo) {
          from.set(lane, id)
          cursors.passed(lane, id)
        }
      }
      for (const { lane, due } of work) {
        if (stopped.aborted) return
        if (!due) continue
        const relayed = await relayLanes({ lanes: [lane], kind: 'held', read: (run) => readDue(run, lane, now()) })
        count += relayed?.count ?? 0
      }
      size.grow()
      if (count > 0) continue
      // Thrown after every lane was tried, so that a failure in one lane delays no other.
      if (unavailable) throw unavailable
      // No event is left.
      if (!isLocked) return
      await pause(lockedMs, stopped)
    }
  }

  const work = (stopped: AbortSignal) =>
    drain(stopped).catch((error) => {
      // The failure may be a time-out: a smaller batch takes less time.
      size.shrink()
      throw error
    })

  return runInBackground({
    work,
    pollMs,
    backoffMs,
    waiting: `outbox ${stream}: publishing failed, it is retried`,
    log,
  })
}
