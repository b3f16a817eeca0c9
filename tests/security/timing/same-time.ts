import { mean, median } from 'simple-statistics'
import type { Test } from 'tap'
import { quickest, type Samples, standardError, welchT } from './welch.ts'

const bound = 4.5
/** Share of the mean that a difference must not hide in: a hash is most of A4, a transaction most of A1. */
const hiddenShare = 1 / 2

/**
 * S12. Compares all samples, and the lower 90 % of both groups (as Reparaz, Balasch and Verbauwhede do in "dude, is my
 * code constant time?"): delays of a busy machine make up the upper tenth and would hide a small difference in the
 * rest. Both must pass, and the lower 90 % must not be so scattered that a whole step could hide in them.
 */
export const sameTime = (t: Test, what: string, samples: Samples): void => {
  for (const [of, compared] of Object.entries({ all: samples, 'lower 90 %': quickest(0.9, samples) })) {
    const { known, unknown } = compared
    const means = [known, unknown]
      .map((times) => `${mean(times).toFixed(3)} (${median(times).toFixed(3)})`)
      .join(' and ')
    const tValue = welchT(compared)
    t.ok(
      Math.abs(tValue) <= bound,
      `${what}, ${of}: t = ${tValue.toFixed(2)}; ${known.length} and ${unknown.length} samples, mean (median) ${means} ms`,
    )
  }
  const quick = quickest(0.9, samples)
  const [foundMs, meanMs] = [bound * standardError(quick), mean(quick.unknown)]
  t.ok(
    foundMs <= hiddenShare * meanMs,
    `${what}: a difference of ${foundMs.toFixed(2)} of ${meanMs.toFixed(2)} ms would be found`,
  )
}
