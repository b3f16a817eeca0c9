import type { RekeyError } from './error.ts'

/**
 * Requests that send a code, only verify a password, or only read. Their 503 leaves nothing behind (docs/contracts.md), but a lost
 * answer may have sent a code.
 */
const undoneByRefusal = new Set([
  'POST /oauth/v2/passwordRestore',
  'POST /oauth/v2/challenge',
  'POST /oauth/v2/login',
  'GET /api/v2/my/2fa/challenge',
  'GET /api/v2/my/2fa/unauthorized/challenge',
  'POST /api/v2/my/factors/passkey/options',
])

/** Requests whose effect is the same however often they are sent: reads (RFC 9110 §9.2.2), and those named here. */
const isIdempotent = (route: string, body: { grant_type?: string | undefined } | undefined): boolean =>
  (route.startsWith('GET ') && !undoneByRefusal.has(route)) ||
  // RFC 7009 §2.2: a token that is not valid any more is no error. RFC 7662: a read.
  route === 'POST /oauth/v2/revoke' ||
  route === 'POST /oauth/v2/introspect' ||
  // Refresh tokens and codes are good for one use: a second use revokes the session.
  (route === 'POST /oauth/v2/token' && body?.grant_type === 'client_credentials')

/** Answers of gateways and proxies that could not serve the request. */
const unserved = [502, 503, 504]

/**
 * The wait before a request may be sent again, in milliseconds; undefined: it must not be.
 *
 * 1. 429: the gateway refused the request before it acted, so any request may be sent again.
 * 2. 503 with `Retry-After`: idempotent requests, and those whose refusal leaves nothing behind.
 * 3. No answer, or that of a proxy: idempotent requests only. Another may have set a password or spent a code.
 */
export const retryWaitMs = (
  route: string,
  body: object | undefined,
  { code, status, retryAfterSeconds }: RekeyError,
  attempt: number,
): number | undefined => {
  const idempotent = isIdempotent(route, body)
  if (retryAfterSeconds !== undefined) {
    const isSafe = status === 429 || (status === 503 && (idempotent || undoneByRefusal.has(route)))
    return isSafe ? retryAfterSeconds * 1_000 : undefined
  }
  if (!idempotent || !(code === 'network_error' || unserved.includes(status))) return undefined
  // Full jitter: clients that lost one gateway do not return at the same time.
  return Math.random() * 200 * 2 ** attempt
}
