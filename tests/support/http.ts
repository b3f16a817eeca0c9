import { type IncomingMessage, request } from 'node:http'
import { request as requestByTls } from 'node:https'
import { text } from 'node:stream/consumers'
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

const toAnswer = <Body>(status: number, headers: Headers, text: string): Answer<Body> => {
  const isJson = headers.get('content-type')?.includes('json')
  return { status, headers, text, body: (isJson && text ? JSON.parse(text) : {}) as Body }
}

/** Reads a response with its whole body. */
export const read = async <Body = Fields>(response: Response): Promise<Answer<Body>> =>
  toAnswer(response.status, new Headers(response.headers), await response.text())

/** What `fetch` sends too. */
const ownHeaders = { accept: '*/*', 'accept-language': '*', 'sec-fetch-mode': 'cors', 'user-agent': 'node' }

const headersOf = (given: Fields, body: string | Buffer | undefined) => ({
  ...ownHeaders,
  ...(typeof body === 'string' && { 'content-type': 'text/plain;charset=UTF-8' }),
  ...(body !== undefined && { 'content-length': Buffer.byteLength(body) }),
  ...Object.fromEntries(Object.entries(given).map(([name, value]) => [name.toLowerCase(), String(value)])),
})

/** Node's own client: `fetch` takes three times the processor time, a tenth of that of all tests. */
const responseTo = (
  url: URL,
  method: string,
  headers: Fields,
  { body, timeoutMs }: { body?: string | Buffer | undefined; timeoutMs?: number | undefined },
) =>
  new Promise<IncomingMessage>((resolve, reject) => {
    const signal = timeoutMs === undefined ? undefined : AbortSignal.timeout(timeoutMs)
    const send = url.protocol === 'https:' ? requestByTls : request
    send(url, { method, headers: headersOf(headers, body), ...(signal && { signal }) }, resolve)
      .on('error', (error) => reject(signal?.aborted ? signal.reason : error))
      .end(body)
  })

const receivedHeaders = ({ rawHeaders }: IncomingMessage) => {
  const headers = new Headers()
  for (let index = 0; index < rawHeaders.length; index += 2) {
    headers.append(rawHeaders[index] ?? '', rawHeaders[index + 1] ?? '')
  }
  return headers
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
  const sendOnce = async <Body = Fields>(
    method: string,
    path: string,
    headers: Fields = {},
    body?: string | Buffer,
  ) => {
    const response = await responseTo(new URL(`${origin}${path}`), method, headers, { body, timeoutMs })
    return toAnswer<Body>(response.statusCode ?? 0, receivedHeaders(response), await text(response))
  }
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
