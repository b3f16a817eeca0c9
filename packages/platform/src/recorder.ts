import { setTimeout as delay } from 'node:timers/promises'
import type { CloudEvent, EventData, EventDefinition } from '@rekey/contracts'
import { Counter } from 'prom-client'
import type { Logger } from './logger.ts'
import type { Metrics } from './metrics.ts'
import { isRefusal, type Publisher } from './publisher.ts'

interface Deps {
  publisher: Publisher
  /** Milliseconds from any one moment on, never back. */
  elapsedMs(): number
  metrics: Metrics
  log: Logger
}

export interface Recorder {
  /**
   * Notes a fact that nobody waits for; it is published in order, and again until the broker has stored it. One that the
   * broker is there for and goes on refusing is dropped, so that those behind it are not lost with it.
   */
  record<E extends EventDefinition>(definition: E, fact: { subject: string; data: EventData<E> }): void
  /** Publishes what is left, for at most three seconds. */
  close(): Promise<void>
}

/** Facts that wait while the broker is away. Beyond it the newest are dropped, and the log says so. */
const capacity = 10_000
const retryMs = 250
/** How long events of a type may be refused, each of them, before they are dropped: leave may be given meanwhile. */
const patienceMs = 30_000

/** Facts of the past that no request depends on: they leave in the background. */
export const createRecorder = ({ publisher, elapsedMs, metrics, log }: Deps): Recorder => {
  const waiting: CloudEvent[] = []
  /** When the broker began to refuse all events of a type. */
  const refusedSinceMs = new Map<string, number>()
  let working: Promise<void> | undefined
  let closing = false
  const dropped = new Counter({
    name: 'rekey_facts_dropped_total',
    help: 'Events that were not published: the broker refused them, or was away for too long.',
    labelNames: ['reason'],
    registers: [metrics],
  })

  const isRefusedForGood = ({ type }: CloudEvent, error: unknown): boolean => {
    // Whoever comes back after it was away may have learnt to take them.
    if (!isRefusal(error)) refusedSinceMs.clear()
    else if (!refusedSinceMs.has(type)) refusedSinceMs.set(type, elapsedMs())
    return elapsedMs() - (refusedSinceMs.get(type) ?? elapsedMs()) >= patienceMs
  }

  /** Until the broker has it, or has refused it for good. @returns false where neither came about before the close */
  const settle = async (event: CloudEvent): Promise<boolean> => {
    const { type, id } = event
    for (let failures = 0; ; failures += 1) {
      try {
        await publisher.send(event)
        refusedSinceMs.delete(type)
        return true
      } catch (error) {
        const err = (error as Error).cause
        if (isRefusedForGood(event, error)) {
          dropped.inc({ reason: 'refused' })
          log.error({ lost: type, id, err }, 'fact dropped: the broker refuses it')
          return true
        }
        if (failures === 0) log.warn({ type, id, err }, 'fact not published yet')
        if (closing) return false
        await delay(retryMs)
      }
    }
  }

  const work = async () => {
    for (let event = waiting[0]; event && (await settle(event)); event = waiting[0]) waiting.shift()
    working = undefined
  }
  return {
    record(definition, fact) {
      if (waiting.length >= capacity) {
        dropped.inc({ reason: 'away' })
        return log.error({ lost: definition.type }, 'fact dropped: the broker is away')
      }
      waiting.push(publisher.event(definition, fact))
      working ??= work()
    },
    async close() {
      closing = true
      const late = new AbortController()
      await Promise.race([working, delay(3_000, undefined, { signal: late.signal }).catch(() => {})])
      late.abort()
      if (waiting.length > 0) log.error({ lost: waiting.map(({ type }) => type) }, 'facts not published')
    },
  }
}
