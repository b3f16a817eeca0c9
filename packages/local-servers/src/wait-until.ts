import { setTimeout as delay } from 'node:timers/promises'

export interface WaitOptions {
  /** What is waited for, as it completes the sentence "timed out waiting for …". */
  what: string
  timeoutMs: number
  intervalMs?: number
  signal?: AbortSignal | undefined
}

/**
 * Asks `condition` again and again until it answers something truthy, and returns that.
 * A condition that throws counts as "not yet"; its last error becomes the cause of the time-out's error.
 * @throws Error after `timeoutMs`, or the signal's reason as soon as it is aborted.
 */
export const waitUntil = async <T>(
  condition: () => T | Promise<T>,
  { what, timeoutMs, intervalMs = 50, signal }: WaitOptions,
): Promise<NonNullable<T>> => {
  const deadline = performance.now() + timeoutMs
  let cause: unknown
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
    await delay(intervalMs, undefined, signal ? { signal } : {}).catch(() => signal?.throwIfAborted())
  }
}
