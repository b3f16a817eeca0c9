/** How many items a loop takes at a time. */
export interface BatchSize {
  readonly current: number
  /** After a success: twice as many, up to the most. */
  grow(): void
  /** After a failure, which may be a timeout: half as many, and one at least, so that the loop gets on. */
  shrink(): void
}

/** A batch that adapts: what takes too long at once is done in smaller parts. */
export const createBatchSize = (most: number): BatchSize => {
  let size = most
  return {
    get current() {
      return size
    },
    grow() {
      size = Math.min(most, size * 2)
    },
    shrink() {
      size = Math.max(1, Math.floor(size / 2))
    },
  }
}
