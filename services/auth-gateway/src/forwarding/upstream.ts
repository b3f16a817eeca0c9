import type { IncomingHttpHeaders } from 'node:http'
import { setTimeout as delay } from 'node:timers/promises'
import type { SecureContext } from 'node:tls'
import type { Dispatcher } from 'undici'
// The package itself would also load its fetch, caches and proxies: 88 modules more, 80 ms and 15 MB at each start.
import buildConnector from 'undici/lib/core/connect.js'
import Pool from 'undici/lib/dispatcher/pool.js'

/**
 * How long the password-service may take to answer. A password may wait one second to be hashed, and its transaction
 * takes up to three when Postgres is slow.
 */
export const answerTimeoutMs = 5_000

/**
 * How long an idle connection to the password-service stays open. Shorter than the drain of a stopping instance:
 * otherwise that instance would close connections that a request is being sent on.
 */
const idleMs = 1_500

const mostConnections = 128

/** A request as it is forwarded; its headers are those of its end points alone. */
export interface ForwardedRequest {
  method: string
  /** Path and query. */
  path: string
  headers: Record<string, string | string[] | undefined>
  body: Buffer | undefined
}

/** A whole answer. The password-service's longest is a page of records. */
export interface UpstreamAnswer {
  status: number
  headers: IncomingHttpHeaders
  body: Buffer
}

/** Collects the final answer of one request. */
const collect = (
  resolve: (answer: UpstreamAnswer) => void,
  reject: (error: Error) => void,
): Dispatcher.DispatchHandler => {
  const chunks: Buffer[] = []
  let start: Pick<UpstreamAnswer, 'status' | 'headers'> = { status: 0, headers: {} }
  return {
    onRequestStart() {},
    // Called for answers of class 1xx too; the final one is the last.
    onResponseStart(_controller, status, headers) {
      start = { status, headers }
    },
    onResponseData(_controller, chunk) {
      chunks.push(chunk)
    },
    onResponseEnd() {
      const [first = Buffer.alloc(0)] = chunks
      resolve({ ...start, body: chunks.length > 1 ? Buffer.concat(chunks) : first })
    },
    onResponseError(_controller, error) {
      reject(error)
    },
  }
}

const isRead = ({ method }: ForwardedRequest) => method === 'GET' || method === 'HEAD'

const isBrokenConnection = (error: unknown) =>
  ['UND_ERR_SOCKET', 'ECONNRESET', 'ECONNREFUSED'].includes((error as { code?: string }).code ?? '')

const connectTimeoutMs = 1_000

/**
 * Connects with the context of that moment, so that a certificate can be replaced while requests are sent. A resumed session
 * would keep the former one.
 */
const connectWith = (context: () => SecureContext): buildConnector.connector => {
  let last: SecureContext | undefined
  let connect: buildConnector.connector
  return (options, callback) => {
    const secureContext = context()
    if (secureContext !== last) {
      last = secureContext
      connect = buildConnector({ timeout: connectTimeoutMs, maxCachedSessions: 0, secureContext })
    }
    connect(options, callback)
  }
}

/**
 * Sends requests to the password-service at this origin, on connections that stay open.
 *
 * @param context the TLS context of a new connection; undefined: Node's own
 */
export const createUpstream = (origin: string, context?: () => SecureContext) => {
  const pool = new Pool(origin, {
    connections: mostConnections,
    connect: context ? connectWith(context) : { timeout: connectTimeoutMs },
    headersTimeout: answerTimeoutMs,
    bodyTimeout: answerTimeoutMs,
    keepAliveTimeout: idleMs,
    keepAliveMaxTimeout: idleMs,
  })

  const sendOnce = (request: ForwardedRequest) =>
    new Promise<UpstreamAnswer>((resolve, reject) => {
      pool.dispatch({ ...request, body: request.body ?? null }, collect(resolve, reject))
    })

  return {
    /**
     * Repeats reads only, once, after a broken connection: any other request may have been executed. Clients learn from
     * Retry-After when to repeat the rest.
     *
     * @throws Error if there is no whole answer in time
     */
    async send(request: ForwardedRequest): Promise<UpstreamAnswer> {
      try {
        return await sendOnce(request)
      } catch (error) {
        if (!isRead(request) || !isBrokenConnection(error)) throw error
        await delay(1)
        return sendOnce(request)
      }
    },
    close: (): Promise<void> => pool.close(),
  }
}

export type Upstream = ReturnType<typeof createUpstream>
