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
  const underWay = new Set<AbortController>()
  let isStopping = false
  return {
    take: (send) =>
      limit(async () => {
        if (isStopping) throw new Error('not sent: the service stops')
        const turn = new AbortController()
        // Unlike AbortSignal.timeout(), it ends with the send: each would else exist for seconds, and end in an exception.
        const timer = setTimeout(
          () => turn.abort(new DOMException('the send takes too long', 'TimeoutError')),
          timeoutMs,
        )
        underWay.add(turn)
        try {
          return await send(turn.signal)
        } finally {
          clearTimeout(timer)
          underWay.delete(turn)
        }
      }),
    stop() {
      isStopping = true
      setTimeout(() => {
        for (const turn of underWay) turn.abort()
      }, stopMs).unref()
    },
  }
}
