/** Number of items that a loop handles in one batch. */
export interface BatchSize {
  readonly current: number
  /** Call after a success: doubles the size, up to the maximum. */
  grow(): void
  /** Call after a failure, which may be a timeout: halves the size, down to one, so that the loop makes progress. */
  shrink(): void
}

/** A batch size that shrinks while batches fail or time out. */
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
