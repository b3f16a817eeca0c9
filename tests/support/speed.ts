import { sum } from 'simple-statistics'

/** An even number: see `speedShares`. */
const rounds = 8

interface SpeedShare {
  bad: number
  perSecond: number
  /** Speed of all rounds together, divided by that of the rounds without bad items. */
  share: number
}

/** Items per second over several measurements of as many items; 0 if one of them did not end. */
const meanSpeed = (speeds: number[]) => (speeds.includes(0) ? 0 : speeds.length / sum(speeds.map((speed) => 1 / speed)))

/**
 * For each count of bad items, the speed behind them as a share of the speed without any. Every second round measures
 * the counts in reverse order, so that whatever alternates on the machine falls on each of them as often. The first
 * measurement warms up and does not count.
 *
 * @param measure items per second behind so many bad items; 0 if it did not end
 */
export const speedShares = async (
  counts: readonly number[],
  measure: (bad: number) => Promise<number>,
): Promise<SpeedShare[]> => {
  const all = [0, ...counts]
  const speeds = new Map<number, number[]>(all.map((bad) => [bad, []]))
  await measure(0)
  for (let round = 0; round < rounds; round += 1) {
    for (const bad of round % 2 === 0 ? all : all.toReversed()) speeds.get(bad)?.push(await measure(bad))
  }
  const speedOf = (bad: number) => meanSpeed(speeds.get(bad) ?? [])
  return counts.map((bad) => ({ bad, perSecond: Math.round(speedOf(bad)), share: speedOf(bad) / speedOf(0) }))
}
