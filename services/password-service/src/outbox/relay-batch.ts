import type { Now } from '@rekey/platform/clock'
import type { DeadLetters } from '@rekey/platform/dead-letter'
import type { Logger } from '@rekey/platform/logger'
import { isRejection, type Publisher } from '@rekey/platform/publisher'
import type { Database, Transaction } from '../database.ts'
import type { createRefusalCounter } from './gauges.ts'
import { type Failure, type Outcome, publishBatch } from './publish-batch.ts'
import { holdBehind, holdCustomers, lockLane, notePublished, noteRefused, type WaitingEvent } from './relay.store.ts'

export interface RelayDeps {
  /** Plans its statements by index alone. */
  loops: Database
  publisher: Publisher
  deadLetters: Pick<DeadLetters, 'storeEvent'>
  /** CloudEvents `source`: the service's name. */
  source: string
  /** An event that the broker has refused for this long becomes a dead letter. */
  retryMs: number
  refusals: ReturnType<typeof createRefusalCounter>
  elapsedMs(): number
  now: Now
  log: Logger
}

interface Batch {
  lane: number
  /** Events that wait, or held ones that are due. */
  kind: 'waiting' | 'held'
  /** True if the stream has stored events of other lanes since it stored none of this one. */
  isStreamUp: boolean
  read(tx: Transaction): Promise<WaitingEvent[]>
}

/** What a batch came to. */
interface Relayed {
  published: number
  /** Events that were published or held. */
  count: number
  /** The lane is dealt with up to this id. */
  upTo: bigint
  /** Why the stream stored no event and refused none: it is away. */
  away: Error | undefined
}

/** Longer than it takes to read a batch, to publish it and to note the outcome. */
const batchTimeoutMs = 12_000
/** How long a refused event waits until it is tried again; the last time again and again. */
const holdsMs = [1_000, 5_000, 15_000, 30_000, 60_000]

const idsOf = (events: WaitingEvent[]) => events.map(({ rowId }) => rowId)

const toHold = ({ event: { subject, attempts } }: Failure, now: Date) => ({
  subject,
  until: new Date(now.getTime() + (holdsMs[Math.min(attempts, holdsMs.length - 1)] ?? 0)),
})

const causeOf = ({ error }: Failure) => (error as Error).cause

/**
 * A failure is the event's own where the broker refused it, or where the stream stores other events. Otherwise the
 * stream is away, and its events wait as they are. Held events count their failures in any case: their retries must not
 * pause the stream.
 */
const splitFailures = ({ failed, published }: Outcome, { kind, isStreamUp }: Batch) => {
  const isOwn = ({ error }: Failure) => kind === 'held' || isStreamUp || published.length > 0 || isRejection(error)
  return { refused: failed.filter(isOwn), away: failed.find((failure) => !isOwn(failure)) }
}

/** Up to which id nothing is left to do. */
const reachedBy = (events: WaitingEvent[], { left }: Outcome): bigint => {
  const [first] = idsOf(left).toSorted((one, other) => Number(one - other))
  return first === undefined ? (events.at(-1)?.rowId ?? 0n) : first - 1n
}

/** Relays one batch of events of one lane. */
export const createRelayBatch = (deps: RelayDeps) => {
  const { loops, publisher, deadLetters, source, retryMs, refusals, elapsedMs, now, log } = deps

  const publish = async (event: WaitingEvent) => {
    const { eventId: id, type, subject, data, createdAt: time, traceparent, refusedAt } = event
    const cloudEvent = { id, type, source, subject, time, data, traceparent: traceparent ?? undefined }
    try {
      await publisher.send(cloudEvent)
    } catch (error) {
      if (refusedAt === null || now().getTime() - refusedAt.getTime() < retryMs) throw error
      await deadLetters.storeEvent(cloudEvent, `refused by the broker since ${refusedAt.toISOString()}`)
    }
  }

  /** @returns undefined where another relay has the lane */
  return async (wanted: Batch): Promise<Relayed | undefined> => {
    const { lane, read } = wanted
    const batch = await loops.transaction(
      async (tx) => {
        if (!(await lockLane(tx, lane))) return undefined
        const events = await read(tx)
        const outcome = await publishBatch(events, { publish, elapsedMs })
        const { refused, away } = splitFailures(outcome, wanted)
        await notePublished(tx, idsOf(outcome.published), now())
        await noteRefused(tx, idsOf(refused.map(({ event }) => event)), now())
        await holdCustomers(
          tx,
          lane,
          refused.map((failure) => toHold(failure, now())),
          idsOf([...refused.map(({ event }) => event), ...outcome.behindFailed]),
        )
        await holdBehind(tx, outcome.behindHeld)
        return { events, outcome, refused, away }
      },
      { timeoutMs: batchTimeoutMs },
    )
    if (!batch) return undefined
    const { events, outcome, refused, away } = batch
    for (const failure of refused) {
      const { type, eventId, attempts } = failure.event
      refusals.inc({ type })
      log.warn({ type, eventId, attempt: attempts + 1, err: causeOf(failure) }, 'the broker refused an event')
    }
    return {
      published: outcome.published.length,
      count: away ? 0 : events.length - outcome.left.length,
      upTo: reachedBy(events, outcome),
      away: away && new Error(`the broker did not store ${away.event.eventId}`, { cause: causeOf(away) }),
    }
  }
}
