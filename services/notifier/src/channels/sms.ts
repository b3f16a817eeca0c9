import { PermanentError } from '@rekey/platform/consumer'

export interface Sms {
  /**
   * Sends a text to the vendor within 7.5 s. The vendor can detect a repeat by its `id`.
   *
   * @throws PermanentError if the vendor rejects this message for good (400, 422)
   * @throws Error if a later attempt may succeed
   */
  send(id: string, to: string, text: string): Promise<void>
}

interface Options {
  url: string
  token: string | undefined
}

const sendTimeoutMs = 7_500

/** SMS by the vendor's HTTP endpoint: POST of `{id, to, text}`; any 2xx means accepted. */
export const createSms = ({ url, token }: Options): Sms => ({
  async send(id, to, text) {
    const answer = await fetch(url, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...(token && { authorization: `Bearer ${token}` }) },
      body: JSON.stringify({ id, to, text }),
      // A redirect would send the token and the code to another host.
      redirect: 'error',
      signal: AbortSignal.timeout(sendTimeoutMs),
    }).catch((failure: Error) => {
      throw new Error(`SMS not sent: ${failure.name}`)
    })
    await answer.body?.cancel()
    if (answer.status === 400 || answer.status === 422)
      throw new PermanentError(`SMS not sent: status ${answer.status}`)
    if (!answer.ok) throw new Error(`SMS not sent: status ${answer.status}`)
  },
})
