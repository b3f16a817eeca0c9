/** How often each count begins a round: at least, and at most while a share is below the wanted one. */
const turns = { least: 3, most: 9 }

interface SpeedShare {
  bad: number
  /** Of the fastest round. */
  perSecond: number
  /** That speed, divided by the one of the fastest round without bad items. */
  share: number
}

/** The fastest of several measurements, since other work on the machine only slows one; 0 if one of them did not end. */
const fastest = (speeds: number[]) => (speeds.includes(0) ? 0 : Math.max(...speeds))

/**
 * For each count of bad items, the speed behind them as a share of the speed without any. Each round begins with the next
 * count, so that what recurs (garbage collection, for example) falls on each of them as often. The first measurement warms
 * up and does not count. Other work on the machine slows some measurements: there are more rounds while a share is below
 * the wanted one.
 *
 * @param measure items per second behind so many bad items; 0 if it did not end
 */
export const speedShares = async (
  counts: readonly number[],
  { wanted, measure }: { wanted: number; measure: (bad: number) => Promise<number> },
): Promise<SpeedShare[]> => {
  const all = [0, ...counts]
  const speeds = new Map<number, number[]>(all.map((bad) => [bad, []]))
  await measure(0)
  const shares = () => {
    const speedOf = (bad: number) => fastest(speeds.get(bad) ?? [])
    return counts.map((bad) => ({ bad, perSecond: Math.round(speedOf(bad)), share: speedOf(bad) / speedOf(0) }))
  }
  const isEnough = (round: number) =>
    round >= turns.least * all.length &&
    (round >= turns.most * all.length || shares().every(({ share }) => share >= wanted))
  for (let round = 0; !isEnough(round); round += 1) {
    const first = round % all.length
    for (const bad of [...all.slice(first), ...all.slice(0, first)]) speeds.get(bad)?.push(await measure(bad))
  }
  return shares()
}
