import { mean, quantile, sampleVariance } from 'simple-statistics'

/** Times of both groups, in ms. */
export interface Samples {
  known: number[]
  unknown: number[]
}

/** Of the difference of both means, in ms: of unequal variances. */
export const standardError = ({ known, unknown }: Samples): number =>
  Math.sqrt(sampleVariance(known) / known.length + sampleVariance(unknown) / unknown.length)

/**
 * By how many standard errors the means of two samples of unequal variances differ (Welch 1947). Beyond 4.5 the test for
 * leaks in ISO/IEC 17825 speaks of one: in equal populations that is met once in 150,000 times.
 */
export const welchT = (samples: Samples): number =>
  (mean(samples.known) - mean(samples.unknown)) / standardError(samples)

/** Of both groups together the quickest share: one bound for both, so that no difference between them is cut away. */
export const quickest = (share: number, { known, unknown }: Samples): Samples => {
  const boundMs = quantile([...known, ...unknown], share)
  const below = (times: number[]) => times.filter((ms) => ms <= boundMs)
  return { known: below(known), unknown: below(unknown) }
}
