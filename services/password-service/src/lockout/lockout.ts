/** A time in which a customer's password cannot be restored. */
export interface Block {
  from: Date
  /** None: until the back office lifts it. */
  until: Date | undefined
}

/** As many wrong codes block; as many again block for twice as long. */
const blockingFailures = 10
const firstBlockMs = 10 * 60_000
const longestBlockMs = 24 * 3_600_000
/** As many wrong codes without a restore between them, and restore is off. */
const lastFailures = 100

/** When a block ends that begins with so many wrong codes. */
const endOf = (from: Date, count: number, scale: number): Date | undefined => {
  if (count >= lastFailures) return undefined
  const lastsMs = Math.min(firstBlockMs * 2 ** (count / blockingFailures - 1), longestBlockMs)
  return new Date(from.getTime() + Math.ceil(lastsMs / scale))
}

/**
 * The blocks that wrong codes led to, the oldest first (S6; NIST SP 800-63B-4 §3.2.2): with every tenth one begins, at
 * first for 10 minutes, then each for twice as long, for 24 hours at most; with the hundredth one that does not end.
 * What is given during a block does not count, since a right code restores nothing then either: otherwise whoever
 * guesses at two addresses at once would have a hundred, and restore off for good, within hours instead of days.
 *
 * @param failures when wrong codes were given since the last restore that succeeded, in any order
 * @param scale divides how long blocks last, for load tests
 */
export const blocksAfter = (failures: readonly Date[], scale: number): Block[] => {
  const blocks: Block[] = []
  let count = 0
  for (const from of failures.toSorted((one, other) => one.getTime() - other.getTime())) {
    if (blockThatLasts(blocks, from)) continue
    count += 1
    if (count % blockingFailures === 0) blocks.push({ from, until: endOf(from, count, scale) })
  }
  return blocks
}

/** The block that has not ended at that time. Of two the later one: it is the longer. */
export const blockThatLasts = (blocks: readonly Block[], at: Date): Block | undefined =>
  blocks.findLast(({ until }) => until === undefined || until > at)

const second = (time: Date) => Math.floor(time.getTime() / 1_000)

/** Whether a block was on in the second of that time: tokens say no more of theirs. */
export const wasBlocked = (blocks: readonly Block[], at: Date): boolean =>
  blocks.some(({ from, until }) => second(at) >= second(from) && (until === undefined || at < until))
