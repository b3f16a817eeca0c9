import { errorOf, RekeyError } from './error.ts'
import { retryWaitMs } from './retry.ts'

export interface HttpOptions {
  /** URL of the gateway: `https://id.example.com`, with or without a path. */
  baseUrl: string
  /** Replaces the global `fetch`. */
  fetch?: typeof globalThis.fetch
  /** Time of a whole call with its retries, in milliseconds. Default 15,000. */
  timeoutMs?: number
  /** How often a request is sent again where that is safe. Default 2. */
  retries?: number
  /** Longest `Retry-After` that is waited for, in seconds; a longer one is thrown at once. Default 5. */
  maxRetryAfterSeconds?: number
}

/** Options of one call. */
export interface CallOptions {
  /** Aborts the call, which then rejects with the signal's reason. */
  signal?: AbortSignal
  /** Replaces the client's `timeoutMs`. */
  timeoutMs?: number
}

/** What a request carries. */
export interface Call {
  accessToken?: string | undefined
  /** Sent by HTTP Basic (RFC 6749 §2.3.1). */
  client?: { clientId: string; clientSecret: string } | undefined
  /** Sent in the `successToken` header. */
  successToken?: string | undefined
  params?: object
  query?: object
  body?: object
}

const parse = (text: string): unknown => {
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}

const toPath = (pattern: string, params: Record<string, unknown>): string =>
  pattern.replaceAll(/:(\w+)/g, (_, name: string) => encodeURIComponent(String(params[name])))

const toQuery = (query: object): string => {
  const parameters = new URLSearchParams()
  for (const [name, value] of Object.entries(query)) if (value !== undefined) parameters.set(name, String(value))
  return parameters.size > 0 ? `?${parameters}` : ''
}

/** Each part is form-encoded, so that any character may be in it. */
const basicOf = ({ clientId, clientSecret }: NonNullable<Call['client']>): string =>
  `Basic ${btoa(`${encodeURIComponent(clientId)}:${encodeURIComponent(clientSecret)}`)}`

const delay = (ms: number, signal: AbortSignal): Promise<void> =>
  new Promise((resolve, reject) => {
    if (signal.aborted) return reject(signal.reason)
    const abort = () => {
      clearTimeout(timer)
      reject(signal.reason)
    }
    const timer = setTimeout(() => {
      signal.removeEventListener('abort', abort)
      resolve()
    }, ms)
    signal.addEventListener('abort', abort, { once: true })
  })

export type Send = <Answer>(route: string, call: Call, options?: CallOptions) => Promise<Answer>

/** Makes the function that sends one request and returns the parsed body; undefined if there is none. */
export const createSend = (options: HttpOptions): Send => {
  const { baseUrl, fetch = globalThis.fetch, timeoutMs = 15_000, retries = 2, maxRetryAfterSeconds = 5 } = options
  const base = baseUrl.replace(/\/+$/, '')

  const sendOnce = async (route: string, call: Call, signal: AbortSignal): Promise<unknown> => {
    const { accessToken, client, successToken, params = {}, query = {}, body } = call
    const [method = '', pattern = ''] = route.split(' ')
    const response = await fetch(`${base}${toPath(pattern, params as Record<string, unknown>)}${toQuery(query)}`, {
      method,
      headers: {
        accept: 'application/json, application/problem+json',
        ...(body && { 'content-type': 'application/json' }),
        ...(accessToken && { authorization: `Bearer ${accessToken}` }),
        ...(client && { authorization: basicOf(client) }),
        ...(successToken && { successToken }),
      },
      ...(body && { body: JSON.stringify(body) }),
      // The API never redirects; following a redirect would carry a success token to another host.
      redirect: 'manual',
      signal,
    })
    const text = await response.text()
    const answer = text === '' ? undefined : parse(text)
    if (!response.ok || typeof answer === 'string') throw errorOf(response.status, response.headers, answer)
    return answer
  }

  return async <Answer>(route: string, call: Call, { signal: stop, timeoutMs: own = timeoutMs }: CallOptions = {}) => {
    const timeout = AbortSignal.timeout(own)
    const signal = stop ? AbortSignal.any([stop, timeout]) : timeout
    const endsAt = Date.now() + own

    /** @throws the reason of the caller's signal, if that ended the request */
    const toError = (thrown: unknown): RekeyError => {
      if (thrown instanceof RekeyError) return thrown
      stop?.throwIfAborted()
      return timeout.aborted
        ? new RekeyError('timeout', { description: `no answer within ${own} ms`, cause: thrown })
        : new RekeyError('network_error', { description: String(thrown), cause: thrown })
    }

    for (let attempt = 0; ; attempt += 1) {
      try {
        // A `fetch` of the caller's own may ignore the signal.
        signal.throwIfAborted()
        return (await sendOnce(route, call, signal)) as Answer
      } catch (thrown) {
        const error = toError(thrown)
        const waitMs = attempt < retries ? retryWaitMs(route, call.body, error, attempt) : undefined
        const isShort = waitMs !== undefined && waitMs <= maxRetryAfterSeconds * 1_000 && Date.now() + waitMs < endsAt
        if (!isShort) throw error
        await delay(waitMs, signal).catch((reason) => {
          throw toError(reason)
        })
      }
    }
  }
}
