import { LaterError } from '@rekey/platform/consumer'

interface Turn {
  beganMs: number
  /** The work that has it. */
  holder: string
  /** Until when turns are given away. */
  takenUntilMs: number
}

interface Deps {
  elapsedMs(): number
  /** Time between the beginnings of two pieces of work for one account; 0: none. */
  lengthMs: number
}

/**
 * Lets pieces of work for one account begin some time apart, however many requests come at once (S12). A burst for a
 * customer would otherwise slow the requests of a neighbour on the same cores by more than a burst for an unknown username,
 * whose work ends earlier. Work that has to wait goes back to the broker, and keeps no handler busy.
 *
 * Each instance has its own turns: they are an upper bound of load, and no lock.
 */
export const createTurns = ({ elapsedMs, lengthMs }: Deps) => {
  const turns = new Map<string, Turn>()

  /** Entries are in the order of their last use. */
  const forget = (atMs: number) => {
    for (const [account, { takenUntilMs }] of turns) {
      if (takenUntilMs > atMs) return
      turns.delete(account)
    }
  }

  return {
    /**
     * Begins work for an account. Work that is repeated, because it failed, keeps its turn.
     *
     * @throws LaterError if another piece of this account's work has just begun
     */
    take(account: string, work: string): void {
      const atMs = elapsedMs()
      forget(atMs)
      const turn = turns.get(account) ?? { beganMs: -Infinity, holder: '', takenUntilMs: -Infinity }
      if (turn.holder === work) return
      // Half of a turn is allowed for redeliveries that come early.
      if (atMs - turn.beganMs < lengthMs / 2) {
        const nextMs = Math.max(turn.takenUntilMs, atMs + lengthMs / 2)
        turn.takenUntilMs = nextMs + lengthMs
        throw new LaterError(nextMs - atMs)
      }
      turns.delete(account)
      turns.set(account, { beganMs: atMs, holder: work, takenUntilMs: Math.max(turn.takenUntilMs, atMs + lengthMs) })
    },

    /** Accounts that are remembered. */
    size: (): number => turns.size,
  }
}

export type Turns = ReturnType<typeof createTurns>
