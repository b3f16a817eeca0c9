import { Readable } from 'node:stream'
import proxy from '@fastify/http-proxy'
import { RekeyError, unavailable } from '@rekey/contracts'
import { bearerOf, type TokenClaims } from '@rekey/platform/auth'
import type { Feature } from '@rekey/platform/feature'
import { registerScope, type Server } from '@rekey/platform/server'
import { currentTrace } from '@rekey/platform/trace'
import type { Clients } from '../clients/clients.ts'
import type { AccountKeys } from '../limits/account-keys.ts'
import type { Limits } from '../limits/limits.ts'
import type { Requester } from '../limits/spending.ts'
import type { Sessions } from '../sessions/sessions.ts'
import { endToEndHeaders } from './hop-by-hop.ts'
import { createRestoreResetClient } from './restore-reset-client.ts'

/** A3. Its clients authenticate at the gateway: the password-service does not know them. */
const restoreResetPath = '/oauth/v2/passwordRestoreReset'

/** Paths of the password-service, reached through the gateway's public port. */
const prefixes: { prefix: string; httpMethods?: string[] }[] = [
  { prefix: '/api/v2/my/password' },
  // The gateway has the list of sessions; only the end of all others is a new epoch.
  { prefix: '/api/v2/my/sessions', httpMethods: ['DELETE'] },
  { prefix: '/api/v2/clients/:clientId/sessions', httpMethods: ['DELETE'] },
  { prefix: '/api/v2/clients' },
  { prefix: '/api/v2/jobs' },
  { prefix: '/api/v2/approvals' },
  { prefix: restoreResetPath },
]

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

interface Options {
  upstream: string
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
 * True if the proxy forwards the path unchanged. It resolves dots and backslashes as browsers do, so
 * `/api/v2/clients/./reset-password` would become the reset of all customers.
 */
const isForwardedUnchanged = (url: string, upstream: string): boolean => {
  const [path = ''] = url.split('?')
  return URL.canParse(path, upstream) && new URL(path, upstream).pathname === path
}

const isRead = ({ method }: { method?: string | undefined }) => method === 'GET' || method === 'HEAD'

const isBrokenConnection = (error: (Error & { code?: string }) | undefined) =>
  ['UND_ERR_SOCKET', 'ECONNRESET', 'ECONNREFUSED'].includes(error?.code ?? '')

/** Forwards requests to the password-service, which validates tokens and bodies itself. */
export const forwarding = async (
  app: Server,
  { upstream, isEnded, spendPassword, spendToken, authenticateClient, accountOfCustomer }: Options,
): Promise<void> => {
  /** Undefined also if verification fails: the password-service decides on every token. */
  const claimsOf = (authorization: string | undefined) => app.readBearer(bearerOf(authorization)).catch(() => undefined)
  await registerScope(app, async (scope) => {
    scope.addHook('onRequest', async (request) => {
      if (!isForwardedUnchanged(request.url, upstream)) {
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
      if (body) request.body = Readable.from([body], { objectMode: false })
    })
    for (const { prefix, httpMethods } of prefixes) {
      await scope.register(proxy, {
        upstream,
        prefix,
        rewritePrefix: prefix,
        config: { public: true },
        proxyPayloads: false,
        // The password-service answers those that a path does not have. CONNECT asks for a tunnel.
        httpMethods: httpMethods ?? scope.supportedMethods.filter((method) => method !== 'CONNECT'),
        disableRequestLogging: true,
        undici: {
          connect: { timeout: 1_000 },
          headersTimeout: answerTimeoutMs,
          bodyTimeout: answerTimeoutMs,
          keepAliveTimeout: idleMs,
          keepAliveMaxTimeout: idleMs,
        },
        replyOptions: {
          // Retries only reads, once, after a broken connection: any other request may have been executed. Clients learn
          // from Retry-After when to repeat the rest.
          retryDelay: ({ err, req, attempt }) => (isBrokenConnection(err) && isRead(req) && attempt === 0 ? 1 : null),
          rewriteHeaders: endToEndHeaders,
          rewriteRequestHeaders: (request, headers) => ({
            ...endToEndHeaders(headers),
            // A read is forwarded without its body; a length without a body is an error of the HTTP client.
            ...(request.body === undefined && { 'content-length': undefined }),
            // Replaces what the client sent: only the address that this server sees can be trusted.
            'x-forwarded-for': request.ip,
            forwarded: undefined,
            traceparent: currentTrace(),
          }),
          onError: (reply, { error }) => void reply.send(unavailable(error)),
        },
      })
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
export const createForwarding = (config: Settings, { clients, limits, sessions, accountKeys }: Deps): Feature => ({
  routes: (app) =>
    forwarding(app, {
      upstream: config.REKEY_PASSWORD_SERVICE_URL,
      isEnded: sessions.isEnded,
      spendPassword: limits.spendPassword,
      authenticateClient: createRestoreResetClient(clients, (token) => app.readBearer(token).catch(() => undefined)),
      spendToken: limits.spendToken,
      accountOfCustomer: accountKeys.ofCustomer,
    }),
})
