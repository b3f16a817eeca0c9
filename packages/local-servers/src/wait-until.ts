import { setTimeout as delay } from 'node:timers/promises'

export interface WaitOptions {
  /** Completes the sentence "timed out waiting for …". */
  what: string
  timeoutMs: number
  /** The first pause. Each is half as long again as the one before, up to five times the first: polls take time too. */
  intervalMs?: number
  signal?: AbortSignal | undefined
}

/**
 * Polls `condition` until it returns a truthy value, and returns that. An exception counts as "not yet"; the last one is
 * the cause of the timeout error.
 * @throws Error after `timeoutMs`; the signal's reason as soon as it is aborted
 */
export const waitUntil = async <T>(
  condition: () => T | Promise<T>,
  { what, timeoutMs, intervalMs = 50, signal }: WaitOptions,
): Promise<NonNullable<T>> => {
  const deadline = performance.now() + timeoutMs
  let cause: unknown
  let pauseMs = intervalMs
  for (;;) {
    signal?.throwIfAborted()
    try {
      const answer = await condition()
      if (answer) return answer
      cause = undefined
    } catch (error) {
      cause = error
    }
    if (performance.now() >= deadline) {
      const detail = cause instanceof Error ? ` (${cause.message})` : ''
      throw new Error(`timed out after ${timeoutMs} ms waiting for ${what}${detail}`, { cause })
    }
    await delay(pauseMs, undefined, signal ? { signal } : {}).catch(() => signal?.throwIfAborted())
    pauseMs = Math.min(5 * intervalMs, 1.5 * pauseMs)
  }
}
