import { setTimeout as delay } from 'node:timers/promises'
import type { CloudEvent, EventData, EventDefinition } from '@rekey/contracts'
import pLimit from 'p-limit'
import type { Broker } from './broker.ts'
import { createDeadLetters } from './dead-letter.ts'
import type { Logger } from './logger.ts'
import { counter, gauge, type Metrics } from './metrics.ts'
import type { Progress } from './progress.ts'
import { isRejection, type Publisher } from './publisher.ts'
import { streamOf } from './streams.ts'

interface Deps {
  publisher: Publisher
  broker: Broker
  /** Milliseconds from any one moment on, never back. */
  elapsedMs(): number
  metrics: Metrics
  progress: Progress
  log: Logger
}

export interface BackgroundPublisher {
  /**
   * Takes a fact that no request waits for. It is published again until the broker has stored it, in order with the
   * other facts of its subject; those of other subjects do not wait for it. One that the broker goes on rejecting
   * becomes a dead letter.
   */
  publish<E extends EventDefinition>(definition: E, fact: { subject: string; data: EventData<E> }): void
  /** Publishes what is left, for at most three seconds. */
  close(): Promise<void>
}

/** Facts that wait, while the broker is away say. Beyond it the newest are dropped, with a line in the log. */
const capacity = 10_000
/** Facts that are sent at a time: as many as one answer of the broker takes to come, and no flood for it. */
const inFlight = 64
const backoffMs = [250, 500, 1_000, 2_000, 5_000]
/** How long a fact, or each of its type, may be rejected before it is a dead letter: permissions may change meanwhile. */
const patienceMs = 30_000

/** Publishes facts of the past, which no request depends on, in the background. */
export const createBackgroundPublisher = ({
  publisher,
  broker,
  elapsedMs,
  metrics,
  progress,
  log,
}: Deps): BackgroundPublisher => {
  /** What waits, by stream and subject: each lane in order, one fact at a time. */
  const lanes = new Map<string, CloudEvent[]>()
  const working = new Set<Promise<void>>()
  const limit = pLimit(inFlight)
  const stopped = new AbortController()
  /** When the broker began to reject all events of a type. */
  const typeRejectedMs = new Map<string, number>()
  const deadLetters = createDeadLetters({ broker, metrics })
  const part = progress.watch('recorder')
  let waiting = 0
  /** Resolves once there is a broker to try again with. */
  let away: Promise<void> | undefined
  /** Since the last success: one line in the log for all that wait. */
  let isAway = false
  const closing = new Promise<void>((resolve) => stopped.signal.addEventListener('abort', () => resolve()))
  const untilConnected = async () => {
    await Promise.race([broker.connected().catch(() => {}), closing])
    away = undefined
  }
  const dropped = counter(metrics, {
    name: 'rekey_background_events_dropped_total',
    help: 'Events that were not published: the broker rejected them and their dead letters, or was away for too long',
    labelNames: ['reason'],
  })
  gauge(metrics, {
    name: 'rekey_background_events_waiting',
    help: 'Events that wait to be published in the background',
    collect() {
      this.set(waiting)
    },
  })
  const count = (change: 1 | -1) => {
    waiting += change
    part.waiting(waiting)
    if (change < 0) part.moved()
  }

  /** @returns whether it is stored, or dropped because the broker rejects the dead letter too */
  const bury = async (event: CloudEvent, err: Error): Promise<boolean> => {
    const { type, id } = event
    try {
      await deadLetters.storeEvent(event, err.message)
      log.error({ event: type, eventId: id, err }, 'dead letter')
    } catch (error) {
      if (!isRejection(error)) return false
      dropped.inc({ reason: 'refused' })
      log.error({ lost: type, id, err }, 'fact dropped: the broker rejects it')
    }
    return true
  }

  /** @returns whether the fact is done with */
  const attempt = async (event: CloudEvent, since: { rejectedMs?: number | undefined }): Promise<boolean> => {
    const { type, id } = event
    try {
      await publisher.send(event)
      typeRejectedMs.delete(type)
      isAway = false
      return true
    } catch (error) {
      const err = (error as Error).cause as Error
      const warn = () => log.warn({ type, id, err }, 'fact not published yet')
      if (!isRejection(error)) {
        if (!isAway) warn()
        isAway = true
        away ??= untilConnected()
        // Permissions may be others once the broker is back: restart the clock.
        typeRejectedMs.clear()
        since.rejectedMs = undefined
        return false
      }
      const typeMs = typeRejectedMs.get(type)
      if (since.rejectedMs === undefined && typeMs === undefined) warn()
      since.rejectedMs ??= elapsedMs()
      if (typeMs === undefined) typeRejectedMs.set(type, elapsedMs())
      const sinceMs = Math.min(since.rejectedMs, typeMs ?? since.rejectedMs)
      return elapsedMs() - sinceMs >= patienceMs && bury(event, err)
    }
  }

  /** Until the fact is stored, or given up. @returns false where neither came about before the close */
  const settle = async (event: CloudEvent): Promise<boolean> => {
    const since = {}
    for (let failures = 0; ; failures += 1) {
      const isLast = stopped.signal.aborted
      await away
      if (await limit(() => attempt(event, since))) return true
      if (isLast) return false
      const pauseMs = backoffMs[Math.min(failures, backoffMs.length - 1)]
      await delay(pauseMs, undefined, stopped).catch(() => {})
    }
  }

  const work = async (key: string, lane: CloudEvent[]) => {
    for (let event = lane[0]; event && (await settle(event)); event = lane[0]) {
      lane.shift()
      count(-1)
    }
    if (lane.length === 0) lanes.delete(key)
  }
  const begin = (key: string, lane: CloudEvent[]) => {
    lanes.set(key, lane)
    const worked = work(key, lane).finally(() => working.delete(worked))
    working.add(worked)
  }

  return {
    publish(definition, fact) {
      if (waiting >= capacity) {
        dropped.inc({ reason: 'away' })
        return log.error({ lost: definition.type }, 'fact dropped: too many wait for the broker')
      }
      const key = `${streamOf(definition.type)} ${fact.subject}`
      const event = publisher.event(definition, fact)
      const lane = lanes.get(key)
      if (lane) lane.push(event)
      else begin(key, [event])
      count(1)
    },
    async close() {
      stopped.abort()
      const late = new AbortController()
      await Promise.race([Promise.all(working), delay(3_000, undefined, { signal: late.signal }).catch(() => {})])
      late.abort()
      const left = [...lanes.values()].flat()
      if (left.length > 0) log.error({ lost: left.map(({ type }) => type) }, 'facts not published')
    },
  }
}
