import { type BounceReason, longestAnswer } from '@rekey/contracts'
import { inHttpSpan } from '@rekey/platform/http-client-span'
import { cleanAnswer } from './answer.ts'
import { DeferredError, kindOfRequest, kindOfStatus, RefusedError } from './failures.ts'
import { createTurns } from './turns.ts'
import { readVendorAnswer } from './vendor-answer.ts'

export interface Sms {
  /**
   * Sends a text to the vendor. The vendor can detect a repeat by its `id`. `assertInTime` is called when a connection is
   * free.
   *
   * @returns the vendor's answer, without personal details
   * @throws PermanentError if the vendor rejects this message for good (400, 422), or `assertInTime` does
   * @throws Error if a later attempt may succeed
   */
  send(id: string, to: string, text: string, assertInTime?: () => void): Promise<string>
  /** Gives back messages that wait for a connection; those under way have 5 s. */
  stop(): void
}

interface Options {
  url: string
  token: string | undefined
  /** Vendor's codes of an error that say that a number cannot receive. */
  bounceCodes?: ReadonlyMap<string, BounceReason>
  /** Most requests at a time; the others wait. */
  connections: number
  /** Longest time of one request. */
  timeoutMs: number
}

/** SMS by the vendor's HTTP endpoint: POST of `{id, to, text}`; any 2xx means accepted. */
export const createSms = ({ url, token, bounceCodes = new Map(), connections, timeoutMs }: Options): Sms => {
  const turns = createTurns({ connections, timeoutMs })
  const post = async (message: { id: string; to: string; text: string }, signal: AbortSignal) => {
    const request = () =>
      fetch(url, {
        method: 'POST',
        headers: { 'content-type': 'application/json', ...(token && { authorization: `Bearer ${token}` }) },
        body: JSON.stringify(message),
        // A redirect would send the token and the code to another host.
        redirect: 'error',
        signal,
      })
    const answer = await inHttpSpan('POST', 'SMS', request).catch((failure: Error) => {
      throw new DeferredError(`SMS not sent: ${failure.name}`, `no answer: ${failure.name}`, kindOfRequest(failure))
    })
    // The status decides, also if the connection breaks now.
    const read = answer.ok ? undefined : await readVendorAnswer(answer)
    await answer.body?.cancel().catch(() => {})
    return { ok: answer.ok, status: answer.status, words: read?.words ?? '', codes: read?.codes ?? [] }
  }
  return {
    send: (id, to, text, assertInTime) =>
      turns.take(async (signal) => {
        assertInTime?.()
        const { ok, status, words, codes } = await post({ id, to, text }, signal)
        const answer = `status ${status} ${cleanAnswer(words, { to, texts: [text] })}`.trim().slice(0, longestAnswer)
        if (status === 400 || status === 422) {
          const bounce = codes.map((code) => bounceCodes.get(code)).find((reason) => reason !== undefined)
          throw new RefusedError(`SMS not sent: status ${status}`, answer, bounce)
        }
        if (!ok) throw new DeferredError(`SMS not sent: status ${status}`, answer, kindOfStatus(status))
        return answer
      }),
    stop: turns.stop,
  }
}
