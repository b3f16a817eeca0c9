/** How often each count begins a round: at least, and at most while a share is below the wanted one. */
const turns = { least: 3, most: 12 }

interface SpeedShare {
  bad: number
  /** Median of the rounds. */
  perSecond: number
  /** Median of the rounds: its speed, divided by the one without bad items in the same round. */
  share: number
}

/** @param values not empty */
const medianOf = (values: number[]): number => {
  const sorted = values.toSorted((a, b) => a - b)
  const middle = sorted.length >> 1
  return sorted.length % 2 === 1 ? (sorted[middle] ?? 0) : ((sorted[middle - 1] ?? 0) + (sorted[middle] ?? 0)) / 2
}

/**
 * For each count of bad items, the speed behind them as a share of the speed without any. A round measures every count,
 * one after another, so that work beside it slows all of them; each round begins with the next count, so that what recurs
 * (garbage collection, for example) falls on each of them as often. The first measurement warms up and does not count.
 * There are more rounds while a share is below the wanted one: few are not enough on a busy machine.
 *
 * @param measure items per second behind so many bad items; 0 if it did not end
 */
export const speedShares = async (
  counts: readonly number[],
  { wanted, measure }: { wanted: number; measure: (bad: number) => Promise<number> },
): Promise<SpeedShare[]> => {
  const all = [0, ...counts]
  const rounds: Map<number, number>[] = []
  await measure(0)
  const shares = () =>
    counts.map((bad) => {
      const speeds = rounds.map((round) => round.get(bad) ?? 0)
      // A measurement that did not end fails all, whatever the median is.
      const isWhole = rounds.every((round) => !all.some((count) => round.get(count) === 0))
      const share = medianOf(rounds.map((round) => (round.get(bad) ?? 0) / (round.get(0) ?? 0)))
      return { bad, perSecond: Math.round(medianOf(speeds)), share: isWhole ? share : 0 }
    })
  const isEnough = () =>
    rounds.length >= turns.least * all.length &&
    (rounds.length >= turns.most * all.length || shares().every(({ share }) => share >= wanted))
  while (!isEnough()) {
    const first = rounds.length % all.length
    const speeds = new Map<number, number>()
    for (const bad of [...all.slice(first), ...all.slice(0, first)]) speeds.set(bad, await measure(bad))
    rounds.push(speeds)
  }
  return shares()
}
