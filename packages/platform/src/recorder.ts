import { setTimeout as delay } from 'node:timers/promises'
import type { EventData, EventDefinition } from '@rekey/contracts'
import type { Logger } from './logger.ts'
import type { Publisher } from './publisher.ts'
import type { Random } from './random.ts'

interface Deps {
  publisher: Publisher
  random: Random
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
export const createRecorder = ({ publisher, random, log }: Deps): Recorder => {
  const waiting: { type: string; publish: () => Promise<void> }[] = []
  let working: Promise<void> | undefined
  let closing = false

  const work = async () => {
    for (let fact = waiting[0]; fact; fact = waiting[0]) {
      try {
        await fact.publish()
        waiting.shift()
      } catch {
        if (closing) return
        await delay(250)
      }
    }
  }
  return {
    record(definition, fact) {
      if (waiting.length >= capacity) return log.error({ lost: definition.type }, 'fact dropped: the broker is away')
      const id = random.id()
      waiting.push({ type: definition.type, publish: () => publisher.publish(definition, { ...fact, id }) })
      working ??= work().finally(() => {
        working = undefined
      })
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
