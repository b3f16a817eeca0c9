/** A row is visible this long after it got its id: transactions of this service end within a few seconds. */
const settledAfterMs = 10_000
/** Reading the lane from its start finds rows of transactions that took longer. */
const fullReadEveryMs = 60_000

interface Cursor {
  fullReadAtMs: number
  /** Each event up to this id was published or held at least `settledAfterMs` ago. */
  settledId: bigint
  passed: { id: bigint; atMs: number }
}

/**
 * The id after which to read each lane. Index entries of published events stay until a vacuum removes them: during a long
 * snapshot, such as a backup, each read from the start of a lane would visit all of them again.
 */
export const createCursors = ({ elapsedMs }: { elapsedMs(): number }) => {
  const cursors = new Map<number, Cursor>()
  return {
    /** The id after which a drain reads the lane. */
    begin(lane: number): bigint {
      const cursor = cursors.get(lane)
      const now = elapsedMs()
      if (cursor && now - cursor.fullReadAtMs < fullReadEveryMs) return cursor.settledId
      cursors.set(lane, { settledId: 0n, passed: { id: 0n, atMs: now }, ...cursor, fullReadAtMs: now })
      return 0n
    },
    /** Makes the next drain read the lane from its start: earlier events wait again. */
    restart(lane: number): void {
      cursors.delete(lane)
    },
    /** Records that each event of the lane up to this id was published or held. */
    passed(lane: number, id: bigint): void {
      const cursor = cursors.get(lane)
      const now = elapsedMs()
      if (!cursor || id <= cursor.passed.id || now - cursor.passed.atMs < settledAfterMs) return
      cursor.settledId = cursor.passed.id
      cursor.passed = { id, atMs: now }
    },
  }
}
