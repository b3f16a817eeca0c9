/** A commit is in sight this long after its row got its id: transactions here end within a few seconds. */
const settledAfterMs = 10_000
/** A commit that hung for longer is found by reading the lane from its beginning. */
const fullReadEveryMs = 60_000

interface Cursor {
  fullReadAtMs: number
  /** Everything up to here was dealt with at least `settledAfterMs` ago. */
  settledId: bigint
  passed: { id: bigint; atMs: number }
}

export interface Cursors {
  /** After which id a drain begins to read a lane. */
  begin(lane: number): bigint
  /** The lane was read up to this id, and each event was published or held. */
  passed(lane: number, id: bigint): void
}

/**
 * Where to read each lane from. Index entries of published events stay until a vacuum may remove them: behind a long
 * snapshot, such as a backup's, reading from the beginning each time would visit all of them again.
 */
export const createCursors = ({ elapsedMs }: { elapsedMs(): number }): Cursors => {
  const cursors = new Map<number, Cursor>()
  return {
    begin(lane) {
      const cursor = cursors.get(lane)
      const now = elapsedMs()
      if (cursor && now - cursor.fullReadAtMs < fullReadEveryMs) return cursor.settledId
      cursors.set(lane, { settledId: 0n, passed: { id: 0n, atMs: now }, ...cursor, fullReadAtMs: now })
      return 0n
    },
    passed(lane, id) {
      const cursor = cursors.get(lane)
      const now = elapsedMs()
      if (!cursor || id <= cursor.passed.id || now - cursor.passed.atMs < settledAfterMs) return
      cursor.settledId = cursor.passed.id
      cursor.passed = { id, atMs: now }
    },
  }
}
