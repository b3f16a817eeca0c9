import type { Broker } from '@rekey/platform/broker'
import type { Now } from '@rekey/platform/clock'
import type { DeadLetters } from '@rekey/platform/dead-letter'
import type { Logger } from '@rekey/platform/logger'
import { isFull, isRejection, type Publisher } from '@rekey/platform/publisher'
import type { Database } from '../database.ts'
import type { RunStatement } from '../statements.ts'
import type { createRefusalCounter } from './gauges.ts'
import { holdBehind, holdCustomers, markRejected } from './held.store.ts'
import { type Failure, type Outcome, publishBatch } from './publish-batch.ts'
import { lockLanes, markPublished, type WaitingEvent } from './relay.store.ts'

export interface RelayDeps {
  /** The database with `loopOptions`: statements read by index only. */
  loops: Database
  broker: Broker
  publisher: Publisher
  deadLetters: Pick<DeadLetters, 'storeEvent'>
  /** CloudEvents `source`: the service's name. */
  source: string
  /** An event that the broker has rejected for this long becomes a dead letter. */
  retryMs: number
  refusals: ReturnType<typeof createRefusalCounter>
  elapsedMs(): number
  now: Now
  log: Logger
}

interface Batch {
  lanes: number[]
  /** Reads waiting events, or held ones whose retry is due. */
  kind: 'waiting' | 'held'
  /** True if the stream stored events of other lanes after these lanes' last batch failed. */
  isStreamUp: boolean
  /** Reads events of the lanes that this relay has locked. */
  read(run: RunStatement, lanes: number[]): Promise<WaitingEvent[]>
}

/** Result of a batch. */
interface Relayed {
  published: number
  /** Events that were published or held. */
  count: number
  /** Each event of a lane up to this id was published or held. */
  upTo: Map<number, bigint>
  /** The error, if the stream neither stored nor rejected an event: it is unavailable. */
  unavailable: Error | undefined
}

/** Longer than reading a batch, publishing it and storing the result take. */
const batchTimeoutMs = 12_000
/** Waits before the retries of a rejected event; the last one repeats. */
const holdsMs = [1_000, 5_000, 15_000, 30_000, 60_000]

const idsOf = (events: WaitingEvent[]) => events.map(({ rowId }) => rowId)

const toHold = ({ event: { lane, subject, attempts } }: Failure, now: Date) => ({
  lane,
  subject,
  until: new Date(now.getTime() + (holdsMs[Math.min(attempts, holdsMs.length - 1)] ?? 0)),
})

const causeOf = ({ error }: Failure) => (error as Error).cause

/**
 * A failure counts as a rejection if the broker rejected the event, or if the stream stores other events. Otherwise the
 * stream is unavailable, and its events wait unchanged. A failure of a held event always counts as a rejection: its
 * retries must not pause the stream.
 */
const splitFailures = ({ failed, published }: Outcome, { kind, isStreamUp }: Batch) => {
  const isRejected = ({ error }: Failure) => kind === 'held' || isStreamUp || published.length > 0 || isRejection(error)
  return { rejected: failed.filter(isRejected), unavailable: failed.find((failure) => !isRejected(failure)) }
}

/** The last id of a lane before its first event that was not tried. */
const reachedBy = (events: WaitingEvent[], left: ReadonlySet<WaitingEvent>): bigint => {
  const [first] = idsOf(events.filter((event) => left.has(event))).toSorted((one, other) => Number(one - other))
  return first === undefined ? (events.at(-1)?.rowId ?? 0n) : first - 1n
}

/** How far each lane was published or held. */
const reached = (events: WaitingEvent[], { left }: Outcome): Map<number, bigint> => {
  const notTried = new Set(left)
  const lanes = Map.groupBy(events, ({ lane }) => lane)
  return new Map([...lanes].map(([lane, itsEvents]) => [lane, reachedBy(itsEvents, notTried)]))
}

/** Relays one batch of events of some lanes, in one transaction. */
export const createRelayBatch = (deps: RelayDeps) => {
  const { loops, broker, publisher, deadLetters, source, retryMs, refusals, elapsedMs, now, log } = deps

  const publish = async (event: WaitingEvent) => {
    const { eventId: id, type, subject, data, createdAt: time, traceparent, refusedAt } = event
    const cloudEvent = { id, type, source, subject, time, data, traceparent: traceparent ?? undefined }
    try {
      return await publisher.send(cloudEvent)
    } catch (error) {
      // A full stream takes the event once messages have left it: no dead letter.
      if (isFull(error) || refusedAt === null || now().getTime() - refusedAt.getTime() < retryMs) throw error
      await deadLetters.storeEvent(cloudEvent, `rejected by the broker since ${refusedAt.toISOString()}`)
      return undefined
    }
  }

  /** @returns undefined if other relays have locked the lanes */
  return async (wanted: Batch): Promise<Relayed | undefined> => {
    const batch = await loops.runTransaction(
      async (run) => {
        const lanes = await lockLanes(run, wanted.lanes)
        if (lanes.length === 0) return undefined
        const events = await wanted.read(run, lanes)
        const generation = broker.generation()
        const outcome = await publishBatch(events, { publish, elapsedMs })
        // Another relay may have looked for events that the broker lost before these are marked.
        if (broker.generation() !== generation) throw new Error('the connection to the broker was replaced')
        const { rejected, unavailable } = splitFailures(outcome, wanted)
        await markPublished(run, outcome.published, now())
        await markRejected(run, idsOf(rejected.map(({ event }) => event)), now())
        await holdCustomers(
          run,
          rejected.map((failure) => toHold(failure, now())),
          idsOf([...rejected.map(({ event }) => event), ...outcome.behindFailed]),
        )
        await holdBehind(run, outcome.behindHeld)
        return { events, outcome, rejected, unavailable }
      },
      { timeoutMs: batchTimeoutMs },
    )
    if (!batch) return undefined
    const { events, outcome, rejected, unavailable } = batch
    for (const failure of rejected) {
      const { type, eventId, attempts } = failure.event
      refusals.inc({ type })
      log.event('event_rejected', { type, eventId, attempt: attempts + 1, err: causeOf(failure) })
    }
    return {
      published: outcome.published.length,
      count: unavailable ? 0 : events.length - outcome.left.length,
      upTo: reached(events, outcome),
      unavailable:
        unavailable &&
        new Error(`the broker did not store ${unavailable.event.eventId}`, { cause: causeOf(unavailable) }),
    }
  }
}
