import { type Pause, pauseMs } from './pause.ts'
import type { Random } from './random.ts'

interface Options<T> {
  /** Pause of each item; undefined: an item is due at once. */
  pause: Pause | undefined
  random: Random
  /** Maximum number of items of the next call. */
  most(): number
  /** Must not reject. */
  run(items: T[]): Promise<void>
}

export interface DueQueue<T> {
  /** Adds an item, which is due after its pause. @returns false if the queue is closed */
  add(item: T): boolean
  /** Adds an item, which is due after this time. @returns false if the queue is closed */
  addLater(item: T, afterMs: number): boolean
  /** Calls `run` no more. @returns the items that wait */
  close(): T[]
}

/** The grid does not lengthen pauses: each one ends at its last point that is within the pause, unless that is too early. */
const usualGridMs = 20

/** Holds each item for its pause, then hands over all items that are due, in one call at a time. */
export const createDueQueue = <T>({ pause, random, most, run }: Options<T>): DueQueue<T> => {
  const { gridMs = usualGridMs } = pause ?? {}
  const pausing = new Map<number, { items: T[]; timer: NodeJS.Timeout }>()
  const due: T[] = []
  let isRunning = false
  let isClosed = false

  const runDue = async () => {
    while (due.length > 0 && !isClosed) await run(due.splice(0, most()))
    isRunning = false
  }
  const start = () => {
    if (isRunning) return
    isRunning = true
    // Messages that arrived in one packet are then there together.
    setImmediate(() => void runDue())
  }
  const end = (point: number) => {
    due.push(...(pausing.get(point)?.items ?? []))
    pausing.delete(point)
    start()
  }
  const addAt = (item: T, point: number, nowMs: number) => {
    const others = pausing.get(point)
    if (others) others.items.push(item)
    else pausing.set(point, { items: [item], timer: setTimeout(end, Math.ceil(point * gridMs - nowMs), point) })
  }

  return {
    add(item) {
      if (isClosed) return false
      if (pause) {
        const nowMs = performance.now()
        const first = Math.ceil((nowMs + pause.shortestMs) / gridMs)
        addAt(item, Math.max(first, Math.floor((nowMs + pauseMs(pause, random)) / gridMs)), nowMs)
      } else {
        due.push(item)
        start()
      }
      return true
    },
    addLater(item, afterMs) {
      if (isClosed) return false
      const nowMs = performance.now()
      addAt(item, Math.ceil((nowMs + afterMs) / gridMs), nowMs)
      return true
    },
    close() {
      isClosed = true
      for (const { items, timer } of pausing.values()) {
        clearTimeout(timer)
        due.push(...items)
      }
      pausing.clear()
      return due.splice(0)
    },
  }
}
