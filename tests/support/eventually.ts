import { waitUntil } from '@rekey/local-servers/wait-until'

/**
 * Calls `condition` until it returns something truthy, and returns that. A condition that throws is called again.
 * @throws Error after `timeoutMs` with the condition's last error. The default of 60 s is for a machine that is busy with
 *   other work: a test that passes does not wait that long. A proof that measures a time lowers `intervalMs`.
 */
export const eventually = <T>(
  condition: () => T | Promise<T>,
  {
    timeoutMs = 60_000,
    what = 'the expected state',
    intervalMs = 20,
  }: { timeoutMs?: number; what?: string; intervalMs?: number } = {},
): Promise<NonNullable<T>> => waitUntil(condition, { what, timeoutMs, intervalMs })
