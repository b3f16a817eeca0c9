import pLimit from 'p-limit'

/** Limits the sends of one channel that run at a time. The others wait in order of arrival. */
export interface Turns {
  /**
   * Runs a send when its turn comes. `signal` aborts the send if it takes too long, counted from its turn: a message that
   * waited is not to be given up for that.
   *
   * @throws Error if the service stops before its turn: the broker redelivers the event
   */
  take<T>(send: (signal: AbortSignal) => Promise<T>): Promise<T>
  /** Gives back what waits, and aborts what is under way after 5 s. */
  stop(): void
}

interface Options {
  /** Most sends at a time. */
  connections: number
  /** Longest time of one send. */
  timeoutMs: number
}

/** A service must close within 8 s. */
const stopMs = 5_000

export const createTurns = ({ connections, timeoutMs }: Options): Turns => {
  const limit = pLimit(connections)
  const aborted = new AbortController()
  let isStopping = false
  return {
    take: (send) =>
      limit(async () => {
        if (isStopping) throw new Error('not sent: the service stops')
        return send(AbortSignal.any([aborted.signal, AbortSignal.timeout(timeoutMs)]))
      }),
    stop() {
      isStopping = true
      setTimeout(() => aborted.abort(), stopMs).unref()
    },
  }
}
