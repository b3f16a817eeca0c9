import type { CloudEvent, EventData, EventDefinition } from '@rekey/contracts'
import pLimit from 'p-limit'
import type { Broker } from './broker.ts'
import { createDeadLetters } from './dead-letter.ts'
import type { Keys } from './keys.ts'
import type { Logger } from './logger.ts'
import { counter, gauge, type Metrics } from './metrics.ts'
import type { Progress } from './progress.ts'
import { isRejection, type Publisher } from './publisher.ts'
import { backoff, pause } from './retry.ts'
import { streamOf } from './streams.ts'

interface Deps {
  publisher: Publisher
  broker: Broker
  /** Milliseconds since any fixed moment; never decreases. */
  elapsedMs(): number
  metrics: Metrics
  progress: Progress
  log: Logger
  /** As those of `createDeadLetters`. */
  proofKeys?: Keys | undefined
}

export interface BackgroundPublisher {
  /**
   * Publishes an event that no request waits for. Retries until the broker has stored it, in order with the other events
   * of its subject and stream; events of other subjects do not wait. An event that the broker keeps rejecting becomes a
   * dead letter.
   *
   * @returns a promise that resolves to true once the broker has stored the event, and to false if it was dropped or has
   * become a dead letter. It never rejects
   */
  publish<E extends EventDefinition>(definition: E, event: { subject: string; data: EventData<E> }): Promise<boolean>
  /** Publishes the waiting events, for at most three seconds. */
  close(): Promise<void>
}

/** Events that may wait, for example while the broker is unavailable. Further ones are dropped and logged. */
const capacity = 10_000
/** Events that are sent at a time: enough to use the broker's round trip, few enough not to flood it. */
const inFlight = 64
const pausesMs = [250, 500, 1_000, 2_000, 5_000] as const
/** How long the broker may reject an event, or its type, before it becomes a dead letter: permissions may change meanwhile. */
const rejectedForMs = 30_000
const closeTimeoutMs = 3_000

interface Waiting {
  event: CloudEvent
  settled(isStored: boolean): void
}

/** Publishes events in the background. */
export const createBackgroundPublisher = ({
  publisher,
  broker,
  elapsedMs,
  metrics,
  progress,
  log,
  proofKeys,
}: Deps): BackgroundPublisher => {
  /** Waiting events by stream and subject. Each lane sends one event at a time, in order. */
  const lanes = new Map<string, Waiting[]>()
  const running = new Set<Promise<void>>()
  const limit = pLimit(inFlight)
  const stopped = new AbortController()
  /** Since when the broker has rejected every event of a type. */
  const typeRejectedMs = new Map<string, number>()
  const deadLetters = createDeadLetters({ broker, metrics, proofKeys })
  const part = progress.watch('background publisher')
  let waiting = 0
  /** Resolves when the broker is connected again; undefined while it is. */
  let reconnected: Promise<void> | undefined
  /** True from the first failure until the next success: one log line for all waiting events. */
  let isAway = false
  const closing = new Promise<void>((resolve) => stopped.signal.addEventListener('abort', () => resolve()))
  const waitForConnection = async () => {
    await Promise.race([broker.connected().catch(() => {}), closing])
    reconnected = undefined
  }
  const dropped = counter(metrics, {
    name: 'rekey_background_events_dropped_total',
    help:
      'Lost events that no request waits for. refused: the broker rejected them for half a minute, and then their dead ' +
      'letters too (no permission, for example). away: more than 10,000 waited for it. Each has a log line',
    labels: { reason: ['refused', 'away'] },
  })
  gauge(metrics, {
    name: 'rekey_background_events_waiting',
    help: 'Events that wait to be published in the background, of at most 10,000',
    collect() {
      this.set(waiting)
    },
  })
  const count = (change: 1 | -1) => {
    waiting += change
    part.waiting(waiting)
    if (change < 0) part.moved()
  }

  /** @returns true if the dead letter is stored, or dropped because the broker rejects it too */
  const deadLetter = async (event: CloudEvent, err: Error): Promise<boolean> => {
    const { type, id } = event
    try {
      await deadLetters.storeEvent(event, err.message)
      log.event('dead_letter', { type, eventId: id, err })
    } catch (error) {
      if (!isRejection(error)) return false
      dropped.inc({ reason: 'refused' })
      log.event('event_dropped', { lost: type, id, err })
    }
    return true
  }

  /** @returns true if the event needs no further attempt */
  const attempt = async ({ event, settled }: Waiting, since: { rejectedMs?: number | undefined }): Promise<boolean> => {
    const { type, id } = event
    try {
      await publisher.send(event)
      typeRejectedMs.delete(type)
      isAway = false
      settled(true)
      return true
    } catch (error) {
      const err = (error as Error).cause as Error
      const warn = () => log.event('event_not_published', { type, id, err })
      if (!isRejection(error)) {
        if (!isAway) warn()
        isAway = true
        reconnected ??= waitForConnection()
        // Permissions may have changed after a reconnect: restart the timers.
        typeRejectedMs.clear()
        since.rejectedMs = undefined
        return false
      }
      const typeMs = typeRejectedMs.get(type)
      if (since.rejectedMs === undefined && typeMs === undefined) warn()
      since.rejectedMs ??= elapsedMs()
      if (typeMs === undefined) typeRejectedMs.set(type, elapsedMs())
      const sinceMs = Math.min(since.rejectedMs, typeMs ?? since.rejectedMs)
      const isDone = elapsedMs() - sinceMs >= rejectedForMs && (await deadLetter(event, err))
      if (isDone) settled(false)
      return isDone
    }
  }

  /** Attempts until done, and once more after `close()`. @returns false if the event is left over then */
  const settle = async (waiting: Waiting): Promise<boolean> => {
    const since = {}
    for (let failures = 1; ; failures += 1) {
      const isLast = stopped.signal.aborted
      await reconnected
      if (await limit(() => attempt(waiting, since))) return true
      if (isLast) return false
      await pause(backoff(pausesMs, failures), stopped.signal)
    }
  }

  const runLane = async (key: string, lane: Waiting[]) => {
    for (let first = lane[0]; first && (await settle(first)); first = lane[0]) {
      lane.shift()
      count(-1)
    }
    if (lane.length === 0) lanes.delete(key)
  }
  const startLane = (key: string, lane: Waiting[]) => {
    lanes.set(key, lane)
    const done = runLane(key, lane).finally(() => running.delete(done))
    running.add(done)
  }

  return {
    publish(definition, { subject, data }) {
      if (waiting >= capacity) {
        dropped.inc({ reason: 'away' })
        log.event('event_dropped', { lost: definition.type }, 'event dropped: too many wait for the broker')
        return Promise.resolve(false)
      }
      const key = `${streamOf(definition.type)} ${subject}`
      const { promise, resolve: settled } = Promise.withResolvers<boolean>()
      const entry = { event: publisher.event(definition, { subject, data }), settled }
      const lane = lanes.get(key)
      if (lane) lane.push(entry)
      else startLane(key, [entry])
      count(1)
      return promise
    },
    async close() {
      stopped.abort()
      const timer = new AbortController()
      await Promise.race([Promise.all(running), pause(closeTimeoutMs, timer.signal)])
      timer.abort()
      const left = [...lanes.values()].flat()
      if (left.length > 0) log.event('events_left', { lost: left.map(({ event }) => event.type) })
    },
  }
}
