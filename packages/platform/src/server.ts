import type { IncomingMessage, ServerResponse } from 'node:http'
import { isIP, type Socket } from 'node:net'
import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox'
import { type ErrorCode, errors, RekeyError } from '@rekey/contracts'
import Fastify, {
  type FastifyInstance,
  type FastifyReply,
  type FastifyRequest,
  LogController,
  type RawServerDefault,
} from 'fastify'
import { errorHandling, sendError, toProblem } from './errors.ts'
import { parseJson } from './json.ts'
import type { Logger } from './logger.ts'
import type { Random } from './random.ts'
import { runInTrace } from './trace.ts'
import { checkQuery } from './url-encoded.ts'
import { compileValidator } from './validation.ts'

declare module 'fastify' {
  interface FastifyInstance {
    /** Goes on serving, on no connection for longer than one answer: whoever comes next had better go elsewhere. */
    beginDrain(): void
    isDraining(): boolean
  }
}

export type Server = FastifyInstance<RawServerDefault, IncomingMessage, ServerResponse, Logger, TypeBoxTypeProvider>

interface Options {
  log: Logger
  random: Random
  /** Addresses or networks whose X-Forwarded-For is believed (ASVS 4.1.3). */
  trustedProxies: string[]
}

/** Longer than any answer takes. */
const answersEndMs = 6_000
/** In which a connection that was just made can bring its request. */
const askWithinMs = 250

/** In which a request must have come whole, headers and body: whoever sends half of one holds nothing for longer. */
const requestMs = 10_000

const headersOfAll = { 'cache-control': 'no-store', 'x-content-type-options': 'nosniff' }

/** Answers what Node's HTTP parser refuses before any request exists. */
const refuseRaw = (cause: NodeJS.ErrnoException, socket: Socket) => {
  if (!socket.writable) return
  const code: ErrorCode = cause.code === 'HPE_HEADER_OVERFLOW' ? 'headers_too_large' : 'invalid_request'
  const body = JSON.stringify(toProblem(new RekeyError(code)))
  socket.end(
    `HTTP/1.1 ${errors[code].status} Refused\r\nContent-Type: application/problem+json\r\nCache-Control: no-store\r\n` +
      `Content-Length: ${Buffer.byteLength(body)}\r\nConnection: close\r\n\r\n${body}`,
  )
}

/** RFC 9112 §3.2: one Host, and one alone. Node would take the first of two, where another may take the second. */
const checkHost = ({ rawHeaders, httpVersion }: IncomingMessage) => {
  const hosts = rawHeaders.filter((name, index) => index % 2 === 0 && name.toLowerCase() === 'host').length
  if (hosts === 1 || (hosts === 0 && httpVersion === '1.0')) return
  throw new RekeyError('invalid_request', { detail: 'There must be one Host header.' })
}

/** A proxy that passes on what the client wrote, or writes a port too, would make limits and notices speak of nobody. */
const checkCaller = (ip: string) => {
  if (isIP(ip) === 0) throw new RekeyError('invalid_request', { detail: 'X-Forwarded-For does not end in an address.' })
}

/** Answers an address that the router cannot read (a broken percent escape, say). */
const refuseAddress = (_error: unknown, request: FastifyRequest, reply: FastifyReply) => {
  reply.headers(headersOfAll)
  void sendError(new RekeyError('invalid_request', { detail: 'The address is malformed.' }), request, reply)
}

/**
 * A connection that stays open after its answer, or that brings no request, would keep the server from closing; Node
 * itself ends only those that are idle between two requests.
 */
const endConnections = (app: Server) => {
  let draining = false
  app.decorate('beginDrain', () => {
    draining = true
  })
  app.decorate('isDraining', () => draining)
  app.addHook('onSend', async (_request, reply) => {
    if (draining) reply.header('connection', 'close')
  })
  const connections = new Set<Socket>()
  app.server.on('connection', (socket) => {
    connections.add(socket)
    socket.once('close', () => connections.delete(socket))
  })
  const endUnused = () => {
    for (const socket of connections) if (socket.bytesRead === 0) socket.destroy()
  }
  app.addHook('preClose', async () => {
    app.beginDrain()
    setTimeout(endUnused, askWithinMs).unref()
    setTimeout(() => app.server.closeAllConnections(), answersEndMs).unref()
  })
}

/** An HTTP server as every service has it: limits, strict parsing, one error form, one log line a request, a trace. */
export const createServer = async ({ log, random, trustedProxies }: Options): Promise<Server> => {
  const app = Fastify({
    loggerInstance: log,
    logController: new LogController({ disableRequestLogging: true }),
    bodyLimit: 16 * 1024,
    requestTimeout: requestMs,
    http: {
      // Node takes the longer of the two for the whole request, and this one would be a minute.
      headersTimeout: requestMs,
      // It looks twice a minute otherwise.
      connectionsCheckingInterval: 1_000,
      requireHostHeader: false,
    },
    // On shutdown requests in flight and on kept-alive connections are still served; then the server closes.
    return503OnClosing: false,
    trustProxy: trustedProxies.length > 0 && trustedProxies,
    clientErrorHandler: refuseRaw,
    frameworkErrors: refuseAddress,
  }).withTypeProvider<TypeBoxTypeProvider>() as unknown as Server

  app.setValidatorCompiler(compileValidator)
  app.removeAllContentTypeParsers()
  // Clients set the type also where they send nothing: an empty body is no body.
  app.addContentTypeParser('application/json', { parseAs: 'buffer' }, async (_request: unknown, body: Buffer) =>
    body.length === 0 ? undefined : parseJson(body),
  )

  app.addHook('onRequest', (request, reply, done) => {
    reply.headers(headersOfAll)
    const caller = request.headers.traceparent
    runInTrace(random, Array.isArray(caller) ? caller[0] : caller, done)
  })
  app.addHook('onRequest', async (request) => {
    checkHost(request.raw)
    checkCaller(request.ip)
    checkQuery(request.url)
  })
  // A body that was not sent is one without fields: the refusal then names what is missing.
  app.addHook('preValidation', async (request) => {
    if (request.body === undefined && request.routeOptions.schema?.body) request.body = {}
  })
  // The route's pattern, never the address as sent: a query may hold somebody's e-mail address.
  app.addHook('onResponse', async (request, reply) => {
    request.log.info(
      {
        method: request.method,
        route: request.routeOptions.url ?? 'none',
        status: reply.statusCode,
        ms: Math.round(reply.elapsedTime),
        address: request.ip,
      },
      'request',
    )
  })
  endConnections(app)
  await app.register(errorHandling)
  return app
}

/** Routes with plugins of their own, that the rest of the server does not have. */
export const registerScope = async (app: Server, wire: (scope: Server) => Promise<void>): Promise<void> => {
  // Fastify does not carry the logger's and the schemas' types into a scope.
  await app.register(async (scope) => wire(scope as unknown as Server))
}
