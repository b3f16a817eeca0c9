import { mean, quantile, sampleVariance } from 'simple-statistics'

/** Times of both groups, in ms. */
export interface Samples {
  known: number[]
  unknown: number[]
}

/** Standard error of the difference of the means, in ms, for unequal variances. */
export const standardError = ({ known, unknown }: Samples): number =>
  Math.sqrt(sampleVariance(known) / known.length + sampleVariance(unknown) / unknown.length)

/**
 * Welch's t (1947): by how many standard errors the means differ, for unequal variances. ISO/IEC 17825 reports a leak
 * beyond 4.5, which equal populations exceed once in 150,000 times.
 */
export const welchT = (samples: Samples): number =>
  (mean(samples.known) - mean(samples.unknown)) / standardError(samples)

/** The quickest share of both groups together. One bound for both: two would remove the difference between them. */
export const quickest = (share: number, { known, unknown }: Samples): Samples => {
  const boundMs = quantile([...known, ...unknown], share)
  const below = (times: number[]) => times.filter((ms) => ms <= boundMs)
  return { known: below(known), unknown: below(unknown) }
}
