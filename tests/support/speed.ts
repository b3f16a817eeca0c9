import { mean, median, sampleStandardDeviation } from 'simple-statistics'

/** Each round measures every size once: other work on the machine then slows all of them. */
const rounds = 7

interface SpeedShare {
  bad: number
  perSecond: number
  /** Median over the rounds, each of which measures with and without bad items. */
  share: number
  /** Two standard errors above the mean: a lower true share would be measured so high once in forty times. */
  shareAtMost: number
}

/** For each count of bad items, the speed behind them as a share of the speed without any. */
export const speedShares = async (
  counts: readonly number[],
  measure: (bad: number) => Promise<number>,
): Promise<SpeedShare[]> => {
  const measured: { alone: number; behind: number[] }[] = []
  for (let round = 0; round < rounds; round += 1) {
    const alone = await measure(0)
    const behind: number[] = []
    for (const bad of counts) behind.push(await measure(bad))
    measured.push({ alone, behind })
  }
  return counts.map((bad, index) => {
    const shares = measured.map(({ alone, behind }) => (behind[index] ?? 0) / alone)
    return {
      bad,
      perSecond: Math.round(median(measured.map(({ behind }) => behind[index] ?? 0))),
      share: median(shares),
      shareAtMost: mean(shares) + (2 * sampleStandardDeviation(shares)) / Math.sqrt(shares.length),
    }
  })
}
