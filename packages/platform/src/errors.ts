import { errors, type OAuthError, type Problem, RekeyError } from '@rekey/contracts'
import type { ErrorObject } from 'ajv'
import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import findMyWay, { type HTTPMethod } from 'find-my-way'
import { isOverload } from './queue.ts'
import { toInvalidRequest } from './validation.ts'

/** Fastify's own refusals, in our table's words. */
const fromFastify: Record<string, RekeyError> = {
  FST_ERR_CTP_BODY_TOO_LARGE: new RekeyError('payload_too_large'),
  FST_ERR_CTP_INVALID_MEDIA_TYPE: new RekeyError('unsupported_media_type'),
  FST_ERR_CTP_EMPTY_JSON_BODY: new RekeyError('invalid_request', { detail: 'The body is empty.' }),
}

/** Anything thrown, as an error of the table. What is not known is `internal`, and says nothing of itself. */
const toRekeyError = (error: FastifyError | RekeyError): RekeyError => {
  if (error instanceof RekeyError) return error
  if (error.validation) return toInvalidRequest(error.validation as ErrorObject[], error.validationContext ?? 'body')
  const known = fromFastify[error.code]
  if (known) return known
  const refused = error.statusCode !== undefined && error.statusCode >= 400 && error.statusCode < 500
  return new RekeyError(refused ? 'invalid_request' : 'internal', { cause: error })
}

/** An answer of another server was on its way through when whoever asked had left: nothing failed. */
const isForNobody = (thrown: FastifyError | RekeyError) => thrown.code === 'UND_ERR_ABORTED'

/** What was thrown, as an error of the table, with its line in the log. */
export const noteError = (thrown: FastifyError | RekeyError, reply: Pick<FastifyReply, 'log'>): RekeyError => {
  const error = toRekeyError(thrown)
  reply.log.debug({ code: error.code }, 'refused')
  if (errors[error.code].status >= 500 && !isOverload(error) && !isForNobody(thrown))
    reply.log.error({ err: error.cause ?? thrown }, error.code)
  return error
}

/** RFC 9457. */
export const toProblem = (error: RekeyError): Problem => ({
  type: `urn:rekey:problem:${error.code}`,
  title: errors[error.code].title,
  status: errors[error.code].status,
  detail: error.message,
  code: error.code,
  ...(error.fields && { errors: error.fields }),
})

const printable = /^[\x20-\x7e]{1,512}$/

/** RFC 6749 §5.2; the client's `state` is echoed where it is one. */
const toOAuthError = (error: RekeyError, body: unknown): OAuthError => {
  const state = (body as { state?: unknown } | null | undefined)?.state
  return {
    error: errors[error.code].oauth,
    error_description: error.message,
    ...(typeof state === 'string' && printable.test(state) && { state }),
  }
}

/** RFC 6750 §3: no error code where the request carried no token at all. */
const challengeOf = (error: RekeyError, request: FastifyRequest): string | undefined => {
  const sent = request.headers.authorization !== undefined
  if (error.code === 'invalid_client') return 'Basic realm="rekey"'
  if (error.code === 'invalid_token')
    return sent ? 'Bearer realm="rekey", error="invalid_token"' : 'Bearer realm="rekey"'
  if (error.code === 'insufficient_scope') {
    return `Bearer realm="rekey", error="insufficient_scope", scope="${request.routeOptions.config?.scopes?.join(' ')}"`
  }
}

/**
 * When to come again, and what was allowed until now (draft-ietf-httpapi-ratelimit-headers-07 §3): only refusals say it,
 * so that no answer tells what another caller did.
 */
export const waitHeaders = ({ allowance, retryAfterSeconds }: RekeyError): Record<string, number> => ({
  ...(retryAfterSeconds !== undefined && { 'retry-after': retryAfterSeconds }),
  ...(allowance !== undefined &&
    retryAfterSeconds !== undefined && {
      'ratelimit-limit': allowance,
      'ratelimit-remaining': 0,
      'ratelimit-reset': retryAfterSeconds,
    }),
})

/** Answers with an error in the form of the request's path. */
export const sendError = (error: RekeyError, request: FastifyRequest, reply: FastifyReply) => {
  const challenge = challengeOf(error, request)
  if (challenge) reply.header('www-authenticate', challenge)
  reply.headers(waitHeaders(error))
  reply.code(errors[error.code].status)
  // The contracts set the form by path, also where no route was found to say it.
  if (request.url.startsWith('/oauth/')) return reply.send(toOAuthError(error, request.body))
  return reply.type('application/problem+json').send(toProblem(error))
}

/** One plugin renders every error, in the OAuth or the problem form, and owns 404 and 405 too. */
export const errorHandling = fp(async (app) => {
  const routes = findMyWay()
  app.addHook('onRoute', ({ method, url }) => {
    for (const verb of [method].flat() as HTTPMethod[]) if (!routes.hasRoute(verb, url)) routes.on(verb, url, () => {})
  })

  app.setNotFoundHandler((request, reply) => {
    const path = request.url.split('?')[0] ?? '/'
    const allowed = (['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE'] as const).filter((verb) =>
      routes.find(verb, path),
    )
    if (allowed.length === 0) return sendError(new RekeyError('not_found'), request, reply)
    return sendError(new RekeyError('method_not_allowed'), request, reply.header('allow', allowed.join(', ')))
  })

  app.setErrorHandler((thrown: FastifyError | RekeyError, request, reply) =>
    sendError(noteError(thrown, reply), request, reply),
  )
})
