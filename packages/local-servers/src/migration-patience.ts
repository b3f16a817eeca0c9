/** How long a migration waits for locks, and how long its statements may take. */
export interface Patience {
  /**
   * Longest wait for one lock, in ms. Requests that need the table queue behind the migration for as long, so it is far
   * below their own time-out of 1.5 s.
   */
  lockTimeoutMs: number
  /** How long a migration that does not get its locks is retried, in ms. */
  waitMs: number
  /** Longest statement of a migration that runs in a transaction, in ms. */
  statementTimeoutMs: number
  /** Called with a sentence each time that a migration waits. */
  onWait(line: string): void
}

export const defaultPatience: Patience = {
  lockTimeoutMs: 400,
  waitMs: 600_000,
  statementTimeoutMs: 900_000,
  onWait: () => {},
}

const pausesMs = [500, 1_000, 2_000, 4_000]

/** The pause after this number of failures in a row, in ms. Random, so that it does not keep step with other work. */
export const pauseAfter = (failures: number): number => {
  const longest = pausesMs[Math.min(failures, pausesMs.length) - 1] ?? 0
  return longest * (0.5 + Math.random() / 2)
}
