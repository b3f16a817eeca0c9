import { setTimeout as delay } from 'node:timers/promises'
import type { Answer } from './http.ts'

const longestMs = 60_000

/**
 * Sends again when Retry-After says for as long as the answer is 503: more was asked than a busy machine does now, and
 * nobody is told yes or no.
 *
 * @param refused is told each 503
 * @throws Error where the answer is still 503 after a minute
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
