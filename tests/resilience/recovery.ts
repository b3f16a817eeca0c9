import { setTimeout as delay } from 'node:timers/promises'
import type { Finding } from './checks/finding.ts'
import type { Mailbox } from './mailbox.ts'
import { untilSomebodyIsServed } from './newcomer.ts'
import type { Seen } from './seen.ts'
import type { System } from './system.ts'

const limitMs = { usual: 10_000, afterLongFault: 15_000 }
/** What a newcomer takes at most where the machine has time for everybody. */
const usualMs = 2_000
const patienceMs = 60_000
const pauseMs = 100

export interface Recovery {
  finding: Finding
  /** From the end of the last fault on, in ms; undefined where it did not come to it within a minute. */
  readyAfterMs: number | undefined
  servedAfterMs: number | undefined
  /** What the next newcomer took, in ms. */
  afterMs: number | undefined
  /** What was asked for: ten seconds, fifteen after a long fault, and as many times more as newcomers took longer than usual before any fault. */
  limitMs: number
}

/** By the service's name, what of it is not ready. */
const unready = async ({ services }: System): Promise<string[]> => {
  const answers = Object.entries(services).map(async ([name, { url }]) => {
    const response = await fetch(`${url}/readyz`, { signal: AbortSignal.timeout(5_000) }).catch(() => undefined)
    return response?.ok ? [] : [`${name} is not ready: ${await response?.text()}`]
  })
  return (await Promise.all(answers)).flat()
}

interface Options {
  system: System
  mailbox: Mailbox
  seen: Seen
  /** When the last fault was over, as `performance.now()` tells it. */
  overAt: number
  /** True if a long fault was among the last ones. */
  isAfterLongFault: boolean
  /** What a newcomer took before the first fault, in ms. */
  beforeMs: number
}

/**
 * Watches how all comes back by itself once the last fault is over: every service says that it is ready, and somebody
 * who was not there before gets through.
 */
export const watchRecovery = async ({ overAt, isAfterLongFault, beforeMs, ...runtime }: Options): Promise<Recovery> => {
  const stopped = AbortSignal.timeout(patienceMs)
  const sinceThenMs = () => Math.round(performance.now() - overAt)
  let notReady: string[] = []
  const untilReady = async () => {
    while (!stopped.aborted) {
      notReady = await unready(runtime.system)
      if (notReady.length === 0) return sinceThenMs()
      await delay(pauseMs)
    }
  }
  const untilServed = async () =>
    (await untilSomebodyIsServed(runtime, stopped)) === undefined ? undefined : sinceThenMs()

  const [readyAfterMs, servedAfterMs] = await Promise.all([untilReady(), untilServed()])
  const afterMs = await untilSomebodyIsServed(runtime, stopped)
  // By what was before alone: what comes after would let a product that recovers badly excuse itself.
  const allowedMs = isAfterLongFault ? limitMs.afterLongFault : limitMs.usual
  const stretchedMs = Math.round(allowedMs * Math.max(1, beforeMs / usualMs))
  const isLate = (ms: number | undefined) => ms === undefined || ms > stretchedMs
  const faults = [
    ...(isLate(readyAfterMs) ? [`services were ready after ${readyAfterMs} ms`, ...notReady] : []),
    ...(isLate(servedAfterMs) ? [`nobody was served before ${servedAfterMs} ms`] : []),
    ...(afterMs === undefined ? ['nobody was served after that'] : []),
  ]
  const what = 'services were ready and newcomers served 10 s after the last fault, 15 s after a long one'
  return {
    finding: { what, proven: 1, faults, isTimed: true },
    readyAfterMs,
    servedAfterMs,
    afterMs,
    limitMs: stretchedMs,
  }
}
