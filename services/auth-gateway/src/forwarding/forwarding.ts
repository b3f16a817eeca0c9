import type { SecureContext } from 'node:tls'
import { RekeyError, unavailable } from '@rekey/contracts'
import { bearerOf, type TokenClaims } from '@rekey/platform/auth'
import type { Feature } from '@rekey/platform/feature'
import { inHttpSpan } from '@rekey/platform/http-client-span'
import { registerScope, type Server } from '@rekey/platform/server'
import { currentTrace } from '@rekey/platform/trace'
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Clients } from '../clients/clients.ts'
import type { Infrastructure } from '../infrastructure.ts'
import type { AccountKeys } from '../limits/account-keys.ts'
import type { Limits } from '../limits/limits.ts'
import type { Requester } from '../limits/spending.ts'
import type { Sessions } from '../sessions/sessions.ts'
import { endToEndHeaders } from './hop-by-hop.ts'
import { createRestoreResetClient } from './restore-reset-client.ts'
import { createUpstream, type ForwardedRequest } from './upstream.ts'

/** A3. Its clients authenticate at the gateway: the password-service does not know them. */
const restoreResetPath = '/oauth/v2/passwordRestoreReset'

/** Paths of the password-service, reached through the gateway's public port. */
const prefixes: { prefix: string; httpMethods?: string[] }[] = [
  { prefix: '/api/v2/my/password' },
  { prefix: '/api/v2/my/factors' },
  // The gateway has the list of sessions; only the end of all others is a new epoch.
  { prefix: '/api/v2/my/sessions', httpMethods: ['DELETE'] },
  { prefix: '/api/v2/clients/:clientId/sessions', httpMethods: ['DELETE'] },
  { prefix: '/api/v2/clients' },
  { prefix: '/api/v2/jobs' },
  { prefix: '/api/v2/approvals' },
  { prefix: restoreResetPath },
]

interface Options {
  upstream: string
  /** The TLS context of new connections; undefined: Node's own. */
  context?: (() => SecureContext) | undefined
  /** True if the session of a token has ended. */
  isEnded(claims: TokenClaims): Promise<boolean>
  /** Spends the quotas of a new password. @throws RekeyError too_many_requests, unavailable */
  spendPassword(requester: Requester): Promise<unknown>
  /** Authenticates the client of A3. @throws RekeyError */
  authenticateClient?: ReturnType<typeof createRestoreResetClient>
  /** Spends the quota of one request without a valid token. @throws RekeyError too_many_requests, unavailable */
  spendToken(address: string): Promise<unknown>
  /** Account key of a customer. */
  accountOfCustomer(customer: string): string
}

/** True for requests that set a password: each costs a hash, and may be a guess at the current password. */
const setsPassword = ({ method, routeOptions }: { method: string; routeOptions: { url?: string | undefined } }) =>
  method === 'POST' && /^\/(api\/v2\/my\/password|oauth\/v2\/passwordRestoreReset)/.test(routeOptions.url ?? '')

/**
 * True if no server resolves the path to another one, as browsers do with dots and backslashes:
 * `/api/v2/clients/./reset-password` could be the reset of all customers to the password-service or a proxy before it.
 */
const isResolved = (url: string, origin: string): boolean => {
  const [path = ''] = url.split('?')
  return /^[\w/-]*$/.test(path) || (URL.canParse(path, origin) && new URL(path, origin).pathname === path)
}

const toForwarded = ({ method, url, headers, body, ip }: FastifyRequest): ForwardedRequest => ({
  method,
  path: url,
  headers: {
    ...endToEndHeaders(headers),
    // Of the server and the body that the request is sent with.
    host: undefined,
    'content-length': undefined,
    // Replaces what the client sent: only the address that this server sees can be trusted.
    'x-forwarded-for': ip,
    forwarded: undefined,
    traceparent: currentTrace(),
  },
  // Undefined for a read, whose body this server does not parse.
  body: body as Buffer | undefined,
})

/** Forwards requests to the password-service, which validates tokens and bodies itself. */
export const forwarding = async (
  app: Server,
  { upstream, context, isEnded, spendPassword, spendToken, authenticateClient, accountOfCustomer }: Options,
): Promise<void> => {
  const sender = createUpstream(new URL(upstream).origin, context)
  app.addHook('onClose', () => sender.close())
  /** Undefined also if verification fails: the password-service decides on every token. */
  const claimsOf = (authorization: string | undefined) => app.readBearer(bearerOf(authorization)).catch(() => undefined)
  await registerScope(app, async (scope) => {
    scope.addHook('onRequest', async (request) => {
      if (!isResolved(request.url, upstream)) {
        throw new RekeyError('invalid_request', { detail: 'The path is malformed.' })
      }
      const claims = await claimsOf(request.headers.authorization)
      if (claims && (await isEnded(claims).catch(() => false))) throw new RekeyError('invalid_token')
      if (!setsPassword(request)) {
        // The password-service answers it 401, which costs more here than a request.
        if (!claims) await spendToken(request.ip)
        return
      }
      await spendPassword({ address: request.ip, ...(claims && { account: accountOfCustomer(claims.sub) }) })
    })
    // Reads bodies whole, so that an oversized one is refused here even if it is chunked. Does not parse them.
    scope.removeAllContentTypeParsers()
    scope.addContentTypeParser('*', { parseAs: 'buffer' }, async (_request: unknown, body: Buffer) => body)
    scope.addHook('preHandler', async (request) => {
      const body = request.body as Buffer | undefined
      if (request.routeOptions.url?.startsWith(restoreResetPath)) {
        await authenticateClient?.({ headers: request.headers, ip: request.ip, body })
      }
    })
    const forward = async (request: FastifyRequest, reply: FastifyReply) => {
      const sent = inHttpSpan(request.method, request.routeOptions.url ?? '', () => sender.send(toForwarded(request)))
      const { status, headers, body } = await sent.catch((error) => {
        throw unavailable(error)
      })
      reply.code(status).headers(endToEndHeaders(headers))
      // Without a body there is no content type to set, and the length that a HEAD states stays.
      return reply.send(body.length > 0 ? body : null)
    }
    for (const { prefix, httpMethods } of prefixes) {
      // The password-service answers those that a path does not have. CONNECT asks for a tunnel.
      const method = httpMethods ?? scope.supportedMethods.filter((one) => one !== 'CONNECT')
      for (const url of [prefix, `${prefix}/*`]) {
        scope.route({ method, url, config: { public: true }, exposeHeadRoute: false, handler: forward })
      }
    }
  })
}

interface Settings {
  REKEY_PASSWORD_SERVICE_URL: string
}

interface Deps {
  clients: Clients
  limits: Limits
  sessions: Sessions
  accountKeys: AccountKeys
}

/** The password-service's endpoints, on the gateway's port. */
export const createForwarding = (
  { tls }: Infrastructure,
  config: Settings,
  { clients, limits, sessions, accountKeys }: Deps,
): Feature => ({
  routes: (app) =>
    forwarding(app, {
      upstream: config.REKEY_PASSWORD_SERVICE_URL,
      context: tls.context,
      isEnded: sessions.isEnded,
      spendPassword: limits.spendPassword,
      authenticateClient: createRestoreResetClient(clients, (token) => app.readBearer(token).catch(() => undefined)),
      spendToken: limits.spendToken,
      accountOfCustomer: accountKeys.ofCustomer,
    }),
})
