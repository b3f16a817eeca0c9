import { Readable } from 'node:stream'
import proxy from '@fastify/http-proxy'
import { RekeyError, unavailable } from '@rekey/contracts'
import { bearerOf, type TokenClaims } from '@rekey/platform/auth'
import { registerScope, type Server } from '@rekey/platform/server'
import { currentTrace } from '@rekey/platform/trace'
import type { Asker } from '../limits/limits.service.ts'

/** What the password-service serves on the gateway's one public port. */
const prefixes = [
  '/api/v2/my/password',
  '/api/v2/clients',
  '/api/v2/jobs',
  '/api/v2/approvals',
  '/oauth/v2/passwordRestoreReset',
]

/** A password may wait a second for its turn to be hashed, and its transaction takes up to three when Postgres is slow. */
const answerTimeoutMs = 5_000

/**
 * How long a connection to the password-service is kept without use. Shorter than an instance drains: one that stops
 * has ended each of them with an answer, or has never seen it again, before it hangs up on any.
 */
const idleMs = 1_500

interface Options {
  upstream: string
  /** Whether a token's session is over. */
  isEnded(claims: TokenClaims): Promise<boolean>
  /** Counts a new password. @throws RekeyError too_many_requests, unavailable */
  spendPassword(asker: Asker): Promise<unknown>
  /** What stands for a customer in limits. */
  accountOfCustomer(customer: string): string
}

/** What sets a password: each try costs a hash, or may be a guess at the current one. */
const setsPassword = ({ method, routeOptions }: { method: string; routeOptions: { url?: string | undefined } }) =>
  method === 'POST' && /^\/(api\/v2\/my\/password|oauth\/v2\/passwordRestoreReset)/.test(routeOptions.url ?? '')

/**
 * Whether the proxy will ask for the very path that was sent. It resolves dots and backslashes as browsers do: of
 * `/api/v2/clients/./reset-password` would come the reset of every customer.
 */
const isAskedForAsSent = (url: string, upstream: string): boolean => {
  const [path = ''] = url.split('?')
  return URL.canParse(path, upstream) && new URL(path, upstream).pathname === path
}

const isRead = ({ method }: { method?: string | undefined }) => method === 'GET' || method === 'HEAD'

const hasBroken = (error: (Error & { code?: string }) | undefined) =>
  ['UND_ERR_SOCKET', 'ECONNRESET', 'ECONNREFUSED'].includes(error?.code ?? '')

/** Forwards to the password-service, which checks the tokens and the bodies itself. */
export const forwarding = async (
  app: Server,
  { upstream, isEnded, spendPassword, accountOfCustomer }: Options,
): Promise<void> => {
  /** Only where they can be known now: the password-service has the last word on every token. */
  const claimsOf = (authorization: string | undefined) => app.readBearer(bearerOf(authorization)).catch(() => undefined)
  await registerScope(app, async (scope) => {
    scope.addHook('onRequest', async (request) => {
      if (!isAskedForAsSent(request.url, upstream)) {
        throw new RekeyError('invalid_request', { detail: 'The address is malformed.' })
      }
      const claims = await claimsOf(request.headers.authorization)
      if (claims && (await isEnded(claims).catch(() => false))) throw new RekeyError('invalid_token')
      if (!setsPassword(request)) return
      await spendPassword({ address: request.ip, ...(claims && { account: accountOfCustomer(claims.sub) }) })
    })
    // Read whole, so that what is too large is refused here, however it was sent; not parsed.
    scope.removeAllContentTypeParsers()
    scope.addContentTypeParser('*', { parseAs: 'buffer' }, async (_request: unknown, body: Buffer) =>
      Readable.from([body], { objectMode: false }),
    )
    for (const prefix of prefixes) {
      await scope.register(proxy, {
        upstream,
        prefix,
        rewritePrefix: prefix,
        config: { public: true },
        proxyPayloads: false,
        disableRequestLogging: true,
        undici: {
          connect: { timeout: 1_000 },
          headersTimeout: answerTimeoutMs,
          bodyTimeout: answerTimeoutMs,
          keepAliveTimeout: idleMs,
          keepAliveMaxTimeout: idleMs,
        },
        replyOptions: {
          // Clients are told when to come again; the proxy does not ask in their stead. Only what reads is asked for once
          // more where the connection broke: of anything else nobody knows whether it was done.
          retryDelay: ({ err, req, attempt }) => (hasBroken(err) && isRead(req) && attempt === 0 ? 1 : null),
          // These speak of the connection to the password-service, not of the client's (RFC 9110 §7.6.1).
          rewriteHeaders: ({ connection: _, 'keep-alive': __, 'transfer-encoding': ___, ...headers }) => headers,
          rewriteRequestHeaders: (request, headers) => ({
            ...headers,
            // What the client sent of these says nothing: only the address that this server saw does.
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
