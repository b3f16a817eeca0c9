import { Readable } from 'node:stream'
import proxy from '@fastify/http-proxy'
import { audiences, RekeyError, unavailable } from '@rekey/contracts'
import { bearerOf, type TokenClaims } from '@rekey/platform/auth'
import { registerScope, type Server } from '@rekey/platform/server'
import { currentTrace } from '@rekey/platform/trace'

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

interface Options {
  upstream: string
  /** Whether a token's session is over. */
  isEnded(claims: TokenClaims): Promise<boolean>
}

/** Forwards to the password-service, which checks the tokens and the bodies itself. */
export const forwarding = async (app: Server, { upstream, isEnded }: Options): Promise<void> => {
  /** Of our own tokens alone, and only where it is known: the password-service has the last word on every other. */
  const isRefused = async (authorization: string | undefined): Promise<boolean> => {
    try {
      const claims = await app.verifyToken(audiences.api, bearerOf(authorization))
      return claims !== undefined && (await isEnded(claims))
    } catch {
      return false
    }
  }
  await registerScope(app, async (scope) => {
    scope.addHook('onRequest', async (request) => {
      if (await isRefused(request.headers.authorization)) throw new RekeyError('invalid_token')
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
        undici: { connect: { timeout: 1_000 }, headersTimeout: answerTimeoutMs, bodyTimeout: answerTimeoutMs },
        replyOptions: {
          // Clients are told when to come again; the proxy does not ask in their stead.
          retryDelay: () => null,
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
