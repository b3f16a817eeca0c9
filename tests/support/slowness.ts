const spinMs = 50

/**
 * How many times longer work takes now than on an idle machine, at least 1: the time of 50 ms of processor time. A test
 * multiplies the limit of a time by it, so that other work on the machine does not fail the test.
 */
export const slowness = (): number => {
  const before = process.cpuUsage()
  const startedAt = performance.now()
  for (;;) {
    const { user, system } = process.cpuUsage(before)
    if (user + system >= spinMs * 1_000) return Math.max(1, (performance.now() - startedAt) / spinMs)
  }
}
