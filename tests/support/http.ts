import { setTimeout as delay } from 'node:timers/promises'

/** A response with its whole body. */
export interface Answer<Body = Record<string, unknown>> {
  status: number
  headers: Headers
  text: string
  /** Parsed if it is JSON, else empty. */
  body: Body
}

type Fields = Record<string, unknown>

/** Reads a response with its whole body. */
export const read = async <Body = Fields>(response: Response): Promise<Answer<Body>> => {
  const text = await response.text()
  const isJson = response.headers.get('content-type')?.includes('json')
  return {
    status: response.status,
    headers: new Headers(response.headers),
    text,
    body: (isJson && text ? JSON.parse(text) : {}) as Body,
  }
}

interface Options {
  /** The limit of each request. */
  timeoutMs?: number
  /**
   * Sends a request again whose 503 took so long that a time limit of the service caused it, not its rules: the machine is
   * busy with other work. For tests in which every server that the service needs is available.
   */
  isPatient?: boolean
}

/** The shortest time limit of a service is 1.5 s. */
const busyMs = 1_000
const longestMs = 60_000

/** An HTTP client of one origin, which follows no redirect. */
export const createHttp = (origin: string, { timeoutMs, isPatient = false }: Options = {}) => {
  const sendOnce = async <Body = Fields>(method: string, path: string, headers: Fields = {}, body?: string | Buffer) =>
    read<Body>(
      await fetch(`${origin}${path}`, {
        method,
        redirect: 'manual',
        headers: headers as Record<string, string>,
        ...(body !== undefined && { body }),
        ...(timeoutMs !== undefined && { signal: AbortSignal.timeout(timeoutMs) }),
      }),
    )
  const send = async <Body = Fields>(method: string, path: string, headers: Fields = {}, body?: string | Buffer) => {
    const firstAt = performance.now()
    for (;;) {
      const sentAt = performance.now()
      const answer = await sendOnce<Body>(method, path, headers, body)
      const isBusy = answer.status === 503 && performance.now() - sentAt > busyMs
      if (!isPatient || !isBusy || performance.now() - firstAt > longestMs) return answer
      await delay(Number(answer.headers.get('retry-after') ?? 1) * 1_000)
    }
  }
  return {
    send,
    get: <Body = Fields>(path: string, headers: Fields = {}) => send<Body>('GET', path, headers),
    post: <Body = Fields>(path: string, body: unknown, headers: Fields = {}) =>
      send<Body>('POST', path, { 'content-type': 'application/json', ...headers }, JSON.stringify(body)),
  }
}

export type Http = ReturnType<typeof createHttp>
