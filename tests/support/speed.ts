import { median } from 'simple-statistics'

/** Each round measures every size once: other work on the machine then slows all of them. */
const rounds = 7

/**
 * For each count of bad items, the speed behind them as a share of the speed without any: the median over the rounds, each
 * of which measures both.
 */
export const speedShares = async (
  counts: readonly number[],
  measure: (bad: number) => Promise<number>,
): Promise<{ bad: number; perSecond: number; share: number }[]> => {
  const measured: { alone: number; behind: number[] }[] = []
  for (let round = 0; round < rounds; round += 1) {
    const alone = await measure(0)
    const behind: number[] = []
    for (const bad of counts) behind.push(await measure(bad))
    measured.push({ alone, behind })
  }
  return counts.map((bad, index) => ({
    bad,
    perSecond: Math.round(median(measured.map(({ behind }) => behind[index] ?? 0))),
    share: median(measured.map(({ alone, behind }) => (behind[index] ?? 0) / alone)),
  }))
}
