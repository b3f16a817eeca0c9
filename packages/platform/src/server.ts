import { type IncomingMessage, METHODS } from 'node:http'
import { isIP, type Socket } from 'node:net'
import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox'
import { canonicalAddress, type ErrorCode, errors, RekeyError } from '@rekey/contracts'
import Fastify, { type FastifyReply, type FastifyRequest, LogController } from 'fastify'
import { errorHandling, sendError, toProblem } from './errors.ts'
import { parseJson } from './json.ts'
import { probes, type Server, tlsOptions, watchConnections } from './listener.ts'
import type { Logger } from './logger.ts'
import type { Metrics } from './metrics.ts'
import { isParameterOf, omitEmpty } from './parameters.ts'
import type { Random } from './random.ts'
import { createRequestMetrics, type MeasureRequest } from './request-metrics.ts'
import { beginRequestSpan, endRequestSpan } from './request-span.ts'
import { compileSerializer } from './serialization.ts'
import type { ListenerTls } from './tls.ts'
import { runInContext, traceIdOf } from './trace.ts'
import { checkQuery } from './url-encoded.ts'
import { compileValidator } from './validation.ts'

declare module 'fastify' {
  interface FastifyBaseLogger extends Pick<Logger, 'event'> {}
}

export type { Server } from './listener.ts'

interface Options {
  log: Logger
  metrics: Metrics
  random: Random
  /** Addresses or networks whose X-Forwarded-For is trusted (ASVS 4.1.3). */
  trustedProxies: string[]
  /** True if requests continue the trace of a trusted proxy. Otherwise a caller could choose the trace ids of our logs. */
  adoptsTraces?: boolean
  /** True if each request leaves a line; otherwise only one that was answered with 500 or more does. */
  logsRequests?: boolean
  /** True if clients reach this server by https alone: its answers then have HSTS. */
  isHttpsOnly?: boolean
  /** The certificate of the listener; undefined: it listens without TLS. */
  tls?: ListenerTls | undefined
}

/** Time in which headers and body must arrive: a client that stops halfway cannot keep resources longer. */
const requestTimeoutMs = 10_000

/** `Pragma` for caches of HTTP/1.0 (RFC 6749 §5.1). */
const commonHeaders = { 'cache-control': 'no-store', pragma: 'no-cache', 'x-content-type-options': 'nosniff' }

/** One year (ASVS 3.4.1). Other hosts of the domain are not this service's to decide on: no `includeSubDomains`. */
const hsts = { 'strict-transport-security': 'max-age=31536000' }

/** Answers input that Node's HTTP parser refuses, before there is a request. */
const refuseRaw = (headers: Record<string, string>) => (cause: NodeJS.ErrnoException, socket: Socket) => {
  if (!socket.writable) return
  const code: ErrorCode = cause.code === 'HPE_HEADER_OVERFLOW' ? 'headers_too_large' : 'invalid_request'
  const body = JSON.stringify(toProblem(new RekeyError(code)))
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`)
  socket.end(
    `HTTP/1.1 ${errors[code].status} Refused\r\nContent-Type: application/problem+json\r\n${lines.join('')}` +
      `Content-Length: ${Buffer.byteLength(body)}\r\nConnection: close\r\n\r\n${body}`,
  )
}

/** Requires exactly one Host (RFC 9112 §3.2): of two, Node uses the first and a proxy may use the second. */
const checkHost = ({ rawHeaders, httpVersion }: IncomingMessage) => {
  let hosts = 0
  for (let at = 0; at < rawHeaders.length; at += 2) if (rawHeaders[at]?.toLowerCase() === 'host') hosts += 1
  if (hosts === 1 || (hosts === 0 && httpVersion === '1.0')) return
  throw new RekeyError('invalid_request', { detail: 'There must be one Host header.' })
}

/**
 * Sets `request.ip` to the one spelling of the client's address, which limits, history, logs, events and mails then
 * share. Proxies write it with a port or brackets, and a dual-stack socket as IPv4-mapped IPv6.
 *
 * @throws RekeyError invalid_request for an X-Forwarded-For without an address
 */
const readCaller = (request: FastifyRequest, isProxied: boolean) => {
  const { headers } = request.raw
  const forwarded = isProxied ? headers['x-forwarded-for'] : undefined
  if (typeof forwarded === 'string') {
    const addresses = forwarded.split(',').map((text) => canonicalAddress(text) ?? text.trim())
    headers['x-forwarded-for'] = addresses.join(', ')
  }
  // The connection of a client that is gone has no address.
  const address = canonicalAddress(request.ip ?? '')
  if (address === undefined) {
    throw new RekeyError('invalid_request', { detail: 'X-Forwarded-For does not end in an address.' })
  }
  if (isProxied || address !== request.ip) Object.defineProperty(request, 'ip', { value: address })
}

const traceparentOf = ({ headers }: FastifyRequest): string | undefined => [headers.traceparent].flat()[0]

/** True if a trusted proxy forwarded the request: Fastify then lists the proxy's address before the client's. */
const isForwarded = ({ ips = [] }: FastifyRequest) => ips.length > 1

/** The trace id that a caller sent and that was not adopted, to be logged beside ours. */
const callerTraceOf = (request: FastifyRequest, adoptsTraces: boolean) => {
  const callerTraceId = adoptsTraces && isForwarded(request) ? undefined : traceIdOf(traceparentOf(request))
  return callerTraceId === undefined ? {} : { callerTraceId }
}

/** Answers a path that the router cannot parse, for example with a broken percent escape. */
const refusePath =
  (headers: Record<string, string>, measure: MeasureRequest) =>
  (_error: unknown, request: FastifyRequest, reply: FastifyReply) => {
    reply.headers(headers)
    void sendError(new RekeyError('invalid_request', { detail: 'The path is malformed.' }), request, reply)
    // The router runs no hooks for such a path.
    measure(request, reply)
  }

/** The HTTP server of every service: limits, strict parsing, one form of errors, one log line per request, traces. */
export const createServer = async (options: Options): Promise<Server> => {
  const { log, metrics, random, trustedProxies } = options
  const { adoptsTraces = false, logsRequests = false, isHttpsOnly = false, tls } = options
  const isProxied = trustedProxies.length > 0
  const headers = isHttpsOnly ? { ...commonHeaders, ...hsts } : commonHeaders
  const measure = createRequestMetrics(metrics)
  const http = {
    // Node uses the longer of the two timeouts for the whole request; the default of this one is a minute.
    headersTimeout: requestTimeoutMs,
    // The default is 30 s.
    connectionsCheckingInterval: 1_000,
    requireHostHeader: false,
  }
  const app = Fastify({
    loggerInstance: log,
    logController: new LogController({ disableRequestLogging: true }),
    bodyLimit: 16 * 1024,
    requestTimeout: requestTimeoutMs,
    ...(tls ? { https: { ...http, ...tlsOptions(tls) } } : { http }),
    // Requests in flight and on kept-alive connections are still served during the shutdown.
    return503OnClosing: false,
    trustProxy: isProxied && trustedProxies,
    clientErrorHandler: refuseRaw(headers),
    frameworkErrors: refusePath(headers, measure),
  }).withTypeProvider<TypeBoxTypeProvider>() as unknown as Server

  app.setValidatorCompiler(compileValidator)
  app.setSerializerCompiler(compileSerializer)
  app.removeAllContentTypeParsers()
  // Some clients set the content type without a body: an empty body counts as none.
  app.addContentTypeParser('application/json', { parseAs: 'buffer' }, async (_request: unknown, body: Buffer) =>
    body.length === 0 ? undefined : parseJson(body),
  )

  watchConnections(app, tls, log)
  // Hooks that do not wait take a callback: a promise for each of them would cost more than what they do.
  app.addHook('onRequest', (request, reply, done) => {
    reply.headers(headers)
    const isAdopted = adoptsTraces && isForwarded(request)
    runInContext(beginRequestSpan(random, request, traceparentOf(request), isAdopted), done)
  })
  app.addHook('onRequest', (request, _reply, done) => {
    checkHost(request.raw)
    readCaller(request, isProxied)
    // Unknown parameters of OAuth endpoints are ignored, also repeated ones (RFC 6749 §3.1).
    checkQuery(request.url, request.url.startsWith('/oauth/') ? { isOnce: isParameterOf(request, 'querystring') } : {})
    done()
  })
  // Validate a missing body as an empty object: the error then names the missing fields. A query parameter without a
  // value is missing too: forms of browsers send one for each field that is left empty.
  app.addHook('preValidation', (request, _reply, done) => {
    const { schema } = request.routeOptions
    if (request.body === undefined && schema?.body) request.body = {}
    if (schema?.querystring) omitEmpty(request.query)
    done()
  })
  app.addHook('onResponse', (request, reply, done) => {
    // The route's pattern, not the URL: its query may contain an e-mail address.
    const { method, ip, routeOptions } = request
    const { statusCode: status } = reply
    const route = routeOptions.url ?? 'none'
    const isFailed = status >= 500
    // A line for each probe would hide the others.
    if (!probes.has(route) && (isFailed || logsRequests)) {
      const ms = Math.round(reply.elapsedTime)
      // A request with an X-Forwarded-For that ends in no address is refused: that text is the caller's.
      const address = isIP(ip) === 0 ? undefined : ip
      const caller = callerTraceOf(request, adoptsTraces)
      request.log.event(isFailed ? 'request_failed' : 'request_answered', {
        method,
        route,
        status,
        ms,
        address,
        ...caller,
      })
    }
    endRequestSpan(reply)
    done()
  })
  app.addHook('onResponse', (request, reply, done) => {
    measure(request, reply)
    done()
  })
  // An expectation that this server does not know is none (RFC 9110 §10.1.1). Node would answer 417 without a body.
  app.server.on('checkExpectation', (request, response) => app.server.emit('request', request, response))
  // All methods that Node's parser reads, so that one handler refuses them. QUERY, which no route has, without a body:
  // otherwise Fastify demands a content type before it.
  for (const method of METHODS) {
    if (!app.supportedMethods.includes(method) || method === 'QUERY')
      app.addHttpMethod(method, { overrideExisting: true })
  }
  await app.register(errorHandling)
  return app
}

/** Registers routes with plugins that the rest of the server does not have. */
export const registerScope = async (app: Server, wire: (scope: Server) => Promise<void>): Promise<void> => {
  // Fastify does not carry the logger's and the schemas' types into a scope.
  await app.register(async (scope) => wire(scope as unknown as Server))
}
