import type { IncomingHttpHeaders } from 'node:http'
import { setTimeout as delay } from 'node:timers/promises'
import type { SecureContext } from 'node:tls'
import type { Dispatcher } from 'undici'
// The package itself would also load its fetch, caches and proxies: 88 modules more, 80 ms and 15 MB at each start.
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

/** @param secureContext the TLS context of its connections; undefined: Node's own */
const openPool = (origin: string, secureContext: SecureContext | undefined): Pool =>
  new Pool(origin, {
    connections: mostConnections,
    connect: {
      timeout: connectTimeoutMs,
      // A resumed session would keep the verdict on the certificate that it began with.
      ...(secureContext && { secureContext, maxCachedSessions: 0 }),
    },
    headersTimeout: answerTimeoutMs,
    bodyTimeout: answerTimeoutMs,
    keepAliveTimeout: idleMs,
    keepAliveMaxTimeout: idleMs,
  })

/**
 * Sends requests to the password-service at this origin, on connections that stay open.
 *
 * @param context the TLS context of that moment; undefined: Node's own. With a new one no request is sent on an old
 *   connection, which would prove the former certificate as long as requests keep it open
 */
export const createUpstream = (origin: string, context?: () => SecureContext) => {
  let secureContext = context?.()
  let pool = openPool(origin, secureContext)
  /** Former pools whose requests have not ended. */
  const closing = new Set<Promise<void>>()

  const currentPool = () => {
    const newest = context?.()
    if (newest === secureContext) return pool
    const closed = pool.close().finally(() => closing.delete(closed))
    closing.add(closed)
    secureContext = newest
    pool = openPool(origin, secureContext)
    return pool
  }

  const sendOnce = (request: ForwardedRequest) =>
    new Promise<UpstreamAnswer>((resolve, reject) => {
      currentPool().dispatch({ ...request, body: request.body ?? null }, collect(resolve, reject))
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
    async close(): Promise<void> {
      await Promise.all([pool.close(), ...closing])
    },
  }
}

export type Upstream = ReturnType<typeof createUpstream>
