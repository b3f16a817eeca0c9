import proxy from '@fastify/http-proxy'
import { RekeyError, unavailable } from '@rekey/contracts'
import type { Server } from '@rekey/platform/server'
import { currentTrace } from '@rekey/platform/trace'

/** What the password-service serves on the gateway's one public port. */
const prefixes = ['/api/v2/my/password', '/api/v2/clients']

const bodyLimitBytes = 16 * 1024

/** Forwards to the password-service, which checks the tokens and the bodies itself. */
export const forwarding = async (app: Server, { upstream }: { upstream: string }): Promise<void> => {
  await app.register(async (scope) => {
    // Bodies pass through unread.
    scope.removeAllContentTypeParsers()
    for (const prefix of prefixes) {
      await scope.register(proxy, {
        upstream,
        prefix,
        rewritePrefix: prefix,
        config: { public: true },
        // Long enough for a password that waits its turn to be hashed.
        undici: { connect: { timeout: 1_000 }, headersTimeout: 6_000, bodyTimeout: 6_000 },
        preHandler: async (request) => {
          if (Number(request.headers['content-length'] ?? 0) > bodyLimitBytes) throw new RekeyError('payload_too_large')
        },
        replyOptions: {
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
