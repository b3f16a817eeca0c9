type Work<T> = (t: { teardown(callback: () => unknown): void }) => Promise<T>

/** Runs work outside a test, then stops everything that it started, the last first, also if it fails. */
export const withTeardown = async <T>(work: Work<T>): Promise<T> => {
  const callbacks: (() => unknown)[] = []
  try {
    return await work({ teardown: (callback) => callbacks.push(callback) })
  } finally {
    for (const callback of callbacks.toReversed()) await callback()
  }
}
