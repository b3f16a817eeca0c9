import { mean, median } from 'simple-statistics'
import type { Test } from 'tap'
import { quickest, type Samples, standardError, welchT } from './welch.ts'

const bound = 4.5
/** Of the mean: a hash is most of an A4, and the transaction of an A1. Samples so scattered that they hide it say nothing. */
const hiddenShare = 1 / 2

/**
 * S12. Beside all samples, those below the upper tenth of both groups are compared (as Reparaz, Balasch and Verbauwhede
 * do in "dude, is my code constant time?"): waits for a busy machine make up that tenth and would hide a small
 * difference in all others. Both have to hold; and the latter must not be so scattered that a whole step could hide.
 */
export const sameTime = (t: Test, what: string, samples: Samples): void => {
  for (const [of, compared] of Object.entries({ all: samples, 'lower 90 %': quickest(0.9, samples) })) {
    const { known, unknown } = compared
    const told = [known, unknown]
      .map((times) => `${mean(times).toFixed(3)} (${median(times).toFixed(3)})`)
      .join(' and ')
    const tValue = welchT(compared)
    t.ok(
      Math.abs(tValue) <= bound,
      `${what}, ${of}: t = ${tValue.toFixed(2)}; ${known.length} and ${unknown.length} samples, mean (median) ${told} ms`,
    )
  }
  const quick = quickest(0.9, samples)
  const [foundMs, meanMs] = [bound * standardError(quick), mean(quick.unknown)]
  t.ok(
    foundMs <= hiddenShare * meanMs,
    `${what}: a difference of ${foundMs.toFixed(2)} of ${meanMs.toFixed(2)} ms is found`,
  )
}
