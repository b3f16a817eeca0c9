import { AsyncLocalStorage } from 'node:async_hooks'
import { RekeyError } from '@rekey/contracts'

interface Waiting<Call, Answer> {
  call: Call
  /** Runs work in the context of the call: its trace. */
  inContext<T>(work: () => T): T
  resolve(answer: Answer): void
  reject(error: unknown): void
}

/** Most calls of one statement. */
const most = 100
/** How long calls wait for a statement that is under way: one that hangs holds up no later ones. */
const longestWaitMs = 20

const isUnavailable = (error: unknown) => error instanceof RekeyError && error.code === 'unavailable'

/**
 * Returns a function that answers calls, all that come in one turn of the event loop or while a statement is under way by
 * one statement. A lone call does not wait. The spans of the statement are those of the first of its calls.
 *
 * @param run answers calls, in their order. If it fails for another reason than that Postgres is unavailable, each call is
 * repeated alone, so that the one that causes the error fails alone
 */
export const together = <Call, Answer>(
  run: (calls: readonly Call[]) => Promise<readonly Answer[]>,
): ((call: Call) => Promise<Answer>) => {
  const waiting: Waiting<Call, Answer>[] = []
  let isHeld = false

  const answer = async (batch: readonly Waiting<Call, Answer>[]): Promise<void> => {
    try {
      const answers = await run(batch.map(({ call }) => call))
      for (const [index, { resolve }] of batch.entries()) resolve(answers[index] as Answer)
    } catch (error) {
      if (batch.length > 1 && !isUnavailable(error)) await Promise.all(batch.map((one) => answer([one])))
      else for (const { reject } of batch) reject(error)
    }
  }

  const runNext = async (): Promise<void> => {
    if (waiting.length === 0) {
      isHeld = false
      return
    }
    let isFirst = true
    const goOn = () => {
      clearTimeout(timer)
      if (isFirst) void runNext()
      isFirst = false
    }
    const timer = setTimeout(goOn, longestWaitMs)
    const batch = waiting.splice(0, most)
    // Otherwise it would run in the context of a call that was answered before.
    await batch[0]?.inContext(() => answer(batch))
    goOn()
  }

  return (call) =>
    new Promise((resolve, reject) => {
      waiting.push({ call, inContext: AsyncLocalStorage.snapshot(), resolve, reject })
      if (isHeld) return
      isHeld = true
      setImmediate(() => void runNext())
    })
}
