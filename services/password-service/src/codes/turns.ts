import { LaterError } from '@rekey/platform/consumer'

interface Turn {
  isRunning: boolean
  beganMs: number
  /** Until when turns are given away. */
  takenUntilMs: number
}

interface Deps {
  elapsedMs(): number
  /** Time between the beginnings of two pieces of work for one account. */
  lengthMs: number
}

/**
 * Lets the work for one account run one piece at a time, some time apart, however many requests come at once (S12).
 * A burst for a customer would otherwise slow the requests of a neighbour on the same cores by more than a burst for an
 * unknown username, whose work ends earlier. Work that has to wait goes back to the broker, and keeps no handler busy.
 *
 * Each instance has its own turns: they are an upper bound of load, and no lock.
 */
export const createTurns = ({ elapsedMs, lengthMs }: Deps) => {
  const turns = new Map<string, Turn>()

  /** Entries are in the order of their last use. */
  const forget = (atMs: number) => {
    for (const [account, { isRunning, takenUntilMs }] of turns) {
      if (isRunning || takenUntilMs > atMs) return
      turns.delete(account)
    }
  }

  /** True if a turn is free: half of it is allowed for redeliveries that come early. */
  const isFree = ({ isRunning, beganMs }: Turn, atMs: number) => !isRunning && atMs - beganMs >= lengthMs / 2

  return {
    /** @throws LaterError if another piece of this account's work runs or has just begun */
    async run<T>(account: string, work: () => Promise<T>): Promise<T> {
      const atMs = elapsedMs()
      forget(atMs)
      const turn = turns.get(account) ?? { isRunning: false, beganMs: -Infinity, takenUntilMs: -Infinity }
      if (!isFree(turn, atMs)) {
        const nextMs = Math.max(turn.takenUntilMs, atMs + lengthMs / 2)
        turn.takenUntilMs = nextMs + lengthMs
        throw new LaterError(nextMs - atMs)
      }
      Object.assign(turn, {
        isRunning: true,
        beganMs: atMs,
        takenUntilMs: Math.max(turn.takenUntilMs, atMs + lengthMs),
      })
      turns.delete(account)
      turns.set(account, turn)
      try {
        return await work()
      } finally {
        turn.isRunning = false
      }
    },

    /** Accounts that are remembered. */
    size: (): number => turns.size,
  }
}

export type Turns = ReturnType<typeof createTurns>
