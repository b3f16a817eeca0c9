import { median } from 'simple-statistics'

/** Of each size one measurement in turn: what slows the machine down for a while slows all of them. */
const rounds = 7

/**
 * The share of the speed alone that is left behind so many bad items, for each of the counts: the median over the
 * rounds, in which both are measured one after the other.
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
