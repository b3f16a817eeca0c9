import { setTimeout as delay } from 'node:timers/promises'
import type { Finding } from './checks/finding.ts'
import type { ClientLog } from './client-log.ts'
import type { Mailbox } from './mailbox.ts'
import { untilOneIsServed } from './new-customer.ts'
import type { System } from './system.ts'

const limitMs = { usual: 10_000, afterLongFailure: 15_000 }
/** The longest time of a new customer on an idle machine. */
const usualMs = 2_000
const patienceMs = 60_000
const pauseMs = 100

export interface Recovery {
  finding: Finding
  /** Time since the end of the last failure, in ms; undefined after a minute. */
  readyAfterMs: number | undefined
  servedAfterMs: number | undefined
  /** Time of the next new customer, in ms. */
  afterMs: number | undefined
  /** Limit in ms: 10 s, 15 s after a long failure, times the slowness of a new customer before the first failure. */
  limitMs: number
}

/** The services that are not ready, each with its answer. */
const unready = async ({ services }: System): Promise<string[]> => {
  const answers = Object.entries(services).map(async ([name, { url }]) => {
    const response = await fetch(`${url}/readyz`, { signal: AbortSignal.timeout(5_000) }).catch(() => undefined)
    const answer = await response?.text()
    const { checks = {} } = response?.ok ? (JSON.parse(answer ?? '') as { checks: Record<string, string> }) : {}
    const isWhole = response?.ok && Object.values(checks).every((check) => check === 'ok')
    return isWhole ? [] : [`${name} is not ready: ${answer}`]
  })
  return (await Promise.all(answers)).flat()
}

interface Options {
  system: System
  mailbox: Mailbox
  clientLog: ClientLog
  /** When the last failure ended (`performance.now()`). */
  overAt: number
  /** True if a long failure was among the last ones. */
  isAfterLongFailure: boolean
  /** Time of a new customer before the first failure, in ms. */
  beforeMs: number
}

/**
 * Measures the recovery after the last failure: until every service is ready, and until a new customer is served.
 */
export const watchRecovery = async ({
  overAt,
  isAfterLongFailure,
  beforeMs,
  ...runtime
}: Options): Promise<Recovery> => {
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
  const untilServed = async () => ((await untilOneIsServed(runtime, stopped)) === undefined ? undefined : sinceThenMs())

  const [readyAfterMs, servedAfterMs] = await Promise.all([untilReady(), untilServed()])
  const afterMs = await untilOneIsServed(runtime, stopped)
  // Scaled by the time before the failures only: the time after them would excuse a slow recovery.
  const allowedMs = isAfterLongFailure ? limitMs.afterLongFailure : limitMs.usual
  const stretchedMs = Math.round(allowedMs * Math.max(1, beforeMs / usualMs))
  const isLate = (ms: number | undefined) => ms === undefined || ms > stretchedMs
  const violations = [
    ...(isLate(readyAfterMs) ? [`services were ready after ${readyAfterMs} ms`, ...notReady] : []),
    ...(isLate(servedAfterMs) ? [`the first new customer was served after ${servedAfterMs} ms`] : []),
    ...(afterMs === undefined ? ['no further customer was served'] : []),
  ]
  const claim = 'services were ready and new customers served 10 s after the last failure, 15 s after a long one'
  return {
    finding: { claim, checked: 1, violations, isTimed: true },
    readyAfterMs,
    servedAfterMs,
    afterMs,
    limitMs: stretchedMs,
  }
}
