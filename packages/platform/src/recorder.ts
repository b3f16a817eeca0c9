import { setTimeout as delay } from 'node:timers/promises'
import type { CloudEvent, EventData, EventDefinition } from '@rekey/contracts'
import type { Logger } from './logger.ts'
import type { Publisher } from './publisher.ts'

interface Deps {
  publisher: Publisher
  log: Logger
}

export interface Recorder {
  /** Notes a fact that nobody waits for; it is published in order, and again until the broker has stored it. */
  record<E extends EventDefinition>(definition: E, fact: { subject: string; data: EventData<E> }): void
  /** Publishes what is left, for at most three seconds. */
  close(): Promise<void>
}

/** Facts that wait while the broker is away. Beyond it the newest are dropped, and the log says so. */
const capacity = 10_000

/** Facts of the past that no request depends on: they leave in the background. */
export const createRecorder = ({ publisher, log }: Deps): Recorder => {
  const waiting: CloudEvent[] = []
  let working: Promise<void> | undefined
  let closing = false

  const work = async () => {
    for (let event = waiting[0]; event; event = waiting[0]) {
      try {
        await publisher.send(event)
        waiting.shift()
      } catch {
        if (closing) break
        await delay(250)
      }
    }
    working = undefined
  }
  return {
    record(definition, fact) {
      if (waiting.length >= capacity) return log.error({ lost: definition.type }, 'fact dropped: the broker is away')
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
