import { waitUntil } from '@rekey/local-servers/wait-until'

/**
 * Asks `condition` until it answers something truthy, and returns that. A condition that throws is asked again.
 * @throws Error after `timeoutMs` (10 s by default), with the condition's last error.
 */
export const eventually = <T>(
  condition: () => T | Promise<T>,
  { timeoutMs = 10_000, what = 'the expected state' }: { timeoutMs?: number; what?: string } = {},
): Promise<NonNullable<T>> => waitUntil(condition, { what, timeoutMs, intervalMs: 20 })
