import { setTimeout as delay } from 'node:timers/promises'

/** Pauses between attempts, in order. */
export type Pauses = readonly [number, ...number[]]

/** Resolves after this time, or as soon as the signal aborts. */
export const pause = (ms: number, signal: AbortSignal): Promise<void> =>
  delay(ms, undefined, { signal }).catch(() => {})

/** The pause after this number of failures in a row. The last pause is repeated. */
export const backoff = (pausesMs: Pauses, failures: number): number =>
  pausesMs[Math.min(failures, pausesMs.length) - 1] ?? pausesMs[0]

interface Options {
  pausesMs: Pauses
  /** Ends the attempts and the current pause. */
  signal: AbortSignal
  onFailure(error: unknown): void
}

/** Runs the work until it succeeds. @returns its result, or undefined if the signal aborted before */
export const retry = async <T>(
  work: () => Promise<T>,
  { pausesMs, signal, onFailure }: Options,
): Promise<T | undefined> => {
  for (let failures = 1; !signal.aborted; failures += 1) {
    try {
      return await work()
    } catch (error) {
      if (!signal.aborted) onFailure(error)
    }
    await pause(backoff(pausesMs, failures), signal)
  }
  return undefined
}
