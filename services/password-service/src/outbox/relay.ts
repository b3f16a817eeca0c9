import { type Background, runInBackground } from '@rekey/platform/background'
import { createBatchSize } from '@rekey/platform/batch-size'
import type { Broker } from '@rekey/platform/broker'
import type { Progress } from '@rekey/platform/progress'
import { createCursors } from './cursors.ts'
import { lanesOf, type OutboxStream } from './lanes.ts'
import { findWork, type LaneWork, readDue, readLane } from './relay.store.ts'
import { createRelayBatch, type RelayDeps } from './relay-batch.ts'

interface Deps extends RelayDeps {
  broker: Broker
  progress: Progress
}

/** Events of one lane in flight at a time. */
const batchSize = 200
/** A safety net: a wake that was lost, or a held event that is due, waits no longer. */
const pollMs = 5_000
const backoffMs = { first: 100, most: 5_000 }

/**
 * Brings the committed events of one stream to the broker, in order for each customer, until it has stored each. An
 * event that it refuses holds up the later ones of its customer alone. What waits at the close stays in Postgres.
 */
export const startRelay = (stream: OutboxStream, { broker, progress, ...deps }: Deps): Background => {
  const { loops, elapsedMs, now, log } = deps
  const report = progress.watch(`outbox ${stream}`)
  const cursors = createCursors({ elapsedMs })
  const size = createBatchSize(batchSize)
  const relayBatch = createRelayBatch(deps)
  /** The first event of each lane, as it was last found. */
  let firstIds = new Map<number, bigint>()

  /** Another relay may move a lane too: that its first event left shows it. */
  const noteProgress = (work: LaneWork[]) => {
    const found = new Map(work.flatMap(({ lane, firstId }) => (firstId === null ? [] : [[lane, firstId]])))
    if ([...firstIds].some(([lane, id]) => found.get(lane) !== id)) report.moved()
    report.waiting(found.size)
    firstIds = found
  }

  /** Events that the stream has stored, and how many it had when it last stored none of a lane. */
  let stored = 0
  const storedWhenAway = new Map<number, number>()

  const relayLane = async (lane: number, batch: Pick<Parameters<typeof relayBatch>[0], 'kind' | 'read'>) => {
    const isStreamUp = stored > (storedWhenAway.get(lane) ?? stored)
    const relayed = await relayBatch({ ...batch, lane, isStreamUp })
    if (!relayed) return undefined
    stored += relayed.published
    if (!relayed.away) storedWhenAway.delete(lane)
    else if (!storedWhenAway.has(lane)) storedWhenAway.set(lane, stored)
    return relayed
  }

  /** @throws where the broker, the stream or Postgres is away */
  const drain = async (stopped: AbortSignal) => {
    const from = new Map(lanesOf[stream].map((lane) => [lane, cursors.begin(lane)]))
    while (!stopped.aborted) {
      // Asked first: without a broker no lane needs to be locked.
      broker.connection()
      const work = await findWork(loops, from, now())
      noteProgress(work)
      let count = 0
      let away: Error | undefined
      for (const { lane, firstId, due } of work) {
        if (stopped.aborted) return
        if (firstId !== null) {
          const wanted = { lane, after: from.get(lane) ?? 0n, size: size.current }
          const relayed = await relayLane(lane, { kind: 'waiting', read: (tx) => readLane(tx, wanted) })
          count += relayed?.count ?? 0
          away ??= relayed?.away
          if (relayed && relayed.count > 0) {
            from.set(lane, relayed.upTo)
            cursors.passed(lane, relayed.upTo)
          }
        }
        if (due) {
          const relayed = await relayLane(lane, { kind: 'held', read: (tx) => readDue(tx, lane, now()) })
          count += relayed?.count ?? 0
        }
      }
      size.grow()
      if (count > 0) continue
      // Every lane was tried: an event that fails in one holds up no other.
      if (away) throw away
      // Nothing is left, or other relays have it.
      return
    }
  }

  const work = (stopped: AbortSignal) =>
    drain(stopped).catch((error) => {
      // The batch may have been too much for its time.
      size.shrink()
      throw error
    })

  return runInBackground({ work, pollMs, backoffMs, waiting: `outbox ${stream} waits`, log })
}
