import { setTimeout as delay } from 'node:timers/promises'
import { RekeyError } from '@rekey/contracts'
import type { Answer } from './http.ts'

const longestMs = 60_000

/**
 * Sends a request again after the seconds of Retry-After while the answer is 503: the machine is busy with other work.
 *
 * @param refused is called with each 503
 * @throws Error if the answer is still 503 after a minute
 */
export const patiently = async <A extends Answer<unknown>>(
  send: () => Promise<A>,
  refused: (answer: A) => void = () => {},
): Promise<A> => {
  const deadlineMs = performance.now() + longestMs
  for (;;) {
    const answer = await send()
    if (answer.status !== 503) return answer
    refused(answer)
    if (performance.now() > deadlineMs) throw new Error(`still refused after a minute: ${answer.text}`)
    await delay(Number(answer.headers.get('retry-after') ?? 1) * 1_000)
  }
}

/**
 * Calls an RPC again while the reply is `unavailable`: on a machine that is busy with other work it comes too late. For
 * calls that may be repeated.
 *
 * @throws Error of the call after a minute; any other error at once
 */
export const callPatiently = async <T>(call: () => Promise<T>): Promise<T> => {
  const deadlineMs = performance.now() + longestMs
  for (;;) {
    try {
      return await call()
    } catch (error) {
      if (!(error instanceof RekeyError) || error.code !== 'unavailable' || performance.now() > deadlineMs) throw error
      await delay(1_000)
    }
  }
}
