import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { TLSSocket, TlsOptions, Server as TlsServer } from 'node:tls'
import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox'
import { canonicalAddress } from '@rekey/contracts'
import type { FastifyInstance, RawServerDefault } from 'fastify'
import type { Logger } from './logger.ts'
import type { ListenerTls } from './tls.ts'

declare module 'fastify' {
  interface FastifyInstance {
    /** Starts to close each connection after its next answer, so that clients move to other instances. */
    beginDrain(): void
    isDraining(): boolean
  }
}

export type Server = FastifyInstance<RawServerDefault, IncomingMessage, ServerResponse, Logger, TypeBoxTypeProvider>

/** Longer than any answer takes. */
const maxAnswerMs = 6_000
/** Time for the first request of a new connection. */
const firstRequestMs = 250
/** Refusals of clients without a certificate are logged at most this often. */
const logEveryMs = 1_000

/** Orchestrators ask these every few seconds, without a client certificate. Neither answer has data of customers. */
export const probes = new Set(['/healthz', '/readyz'])

/** Longest handshake. A service that stops waits for those that have begun, for 8 s at most. */
const handshakeTimeoutMs = 4_000

/** The options of an HTTPS server. */
export const tlsOptions = (tls: ListenerTls): TlsOptions => ({
  ...tls.options(),
  handshakeTimeout: handshakeTimeoutMs,
  ...(tls.demandsCertificate && {
    requestCert: true,
    // The hook decides, because a handshake has no path.
    rejectUnauthorized: false,
  }),
})

/** The reason of OpenSSL, which has none of its own for a client without a certificate. */
const reasonOf = (socket: TLSSocket): string => {
  const hasCertificate = Object.keys(socket.getPeerCertificate()).length > 0
  return hasCertificate ? String(socket.authorizationError) : 'no certificate'
}

/** Ends connections that ask for more than probes and have no valid client certificate, without an answer. */
const demandCertificates = (app: Server, log: Logger): void => {
  let refused = 0
  let loggedMs = Number.NEGATIVE_INFINITY
  app.addHook('onRequest', (request, reply, done) => {
    const socket = request.raw.socket as TLSSocket
    if (socket.authorized || probes.has(request.routeOptions.url ?? '')) {
      done()
      return
    }
    refused += 1
    if (performance.now() - loggedMs >= logEveryMs) {
      const address = canonicalAddress(socket.remoteAddress ?? '')
      log.event('client_certificate_refused', { address, reason: reasonOf(socket), refused })
      loggedMs = performance.now()
      refused = 0
    }
    // An answer would reach customers through a gateway whose certificate expired: without one it answers 503.
    reply.hijack()
    socket.destroy()
  })
}

/**
 * Closes connections after their next answer while the server drains, and those that began with an earlier certificate or
 * authority. While the server closes, ends connections without a request too: Node closes only those that are idle between
 * two requests.
 */
const endConnections = (app: Server, tls: ListenerTls | undefined): void => {
  let draining = false
  app.decorate('beginDrain', () => {
    draining = true
  })
  app.decorate('isDraining', () => draining)
  const connections = new Set<Socket>()
  const outdated = new WeakSet<Socket>()
  app.addHook('onSend', (request, reply, _payload, done) => {
    if (draining || (tls && outdated.has(request.raw.socket))) reply.header('connection', 'close')
    done()
  })
  const track = (socket: Socket) => {
    connections.add(socket)
    socket.once('close', () => connections.delete(socket))
  }
  // Before the handshake ended, Node has no socket that may be destroyed: destroying the TCP one ends the process.
  app.server.on(tls ? 'secureConnection' : 'connection', track)
  tls?.onReload(() => {
    for (const socket of connections) outdated.add(socket)
  })
  const endUnused = () => {
    for (const socket of connections) if (socket.bytesRead === 0) socket.destroy()
  }
  app.addHook('preClose', async () => {
    app.beginDrain()
    setTimeout(endUnused, firstRequestMs).unref()
    setTimeout(() => app.server.closeAllConnections(), maxAnswerMs).unref()
  })
}

/** Watches the connections of a server: who may use them, and when they end. */
export const watchConnections = (app: Server, tls: ListenerTls | undefined, log: Logger): void => {
  if (tls?.demandsCertificate) demandCertificates(app, log)
  endConnections(app, tls)
  // A handshake that failed or took too long. Without this its connection stays open, since a listener for errors of HTTP exists.
  app.server.on('tlsClientError', (_error, socket: TLSSocket) => socket.destroy())
  // Fastify's type of the server is that of HTTP without TLS.
  tls?.onReload(() => (app.server as unknown as TlsServer).setSecureContext(tls.options()))
}
