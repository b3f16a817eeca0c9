import { errors, noSuchResource, type OAuthError, type Problem, RekeyError } from '@rekey/contracts'
import type { ErrorObject } from 'ajv'
import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import type { HTTPMethod } from 'find-my-way'
import { isOverload } from './queue.ts'
import { createRouteTable, fixedIn } from './route-table.ts'
import { toInvalidRequest } from './validation.ts'

/** Fastify's own errors as errors of the table. */
const fromFastify: Record<string, RekeyError> = {
  FST_ERR_CTP_BODY_TOO_LARGE: new RekeyError('payload_too_large'),
  FST_ERR_CTP_INVALID_MEDIA_TYPE: new RekeyError('unsupported_media_type'),
  FST_ERR_CTP_EMPTY_JSON_BODY: new RekeyError('invalid_request', { detail: 'The body is empty.' }),
}

/** Converts anything thrown to an error of the table. Unknown errors become `internal`, without their message. */
const toRekeyError = (error: FastifyError | RekeyError, request?: FastifyRequest): RekeyError => {
  if (error instanceof RekeyError) return error
  // A path with an id that no resource can have names no resource, like one with an unknown id.
  if (error.validation && error.validationContext === 'params') {
    return noSuchResource(error.validation[0]?.instancePath.slice(1) ?? '')
  }
  if (error.validation) {
    const part = error.validationContext ?? 'body'
    const schema = request?.routeOptions.schema?.[part as 'body'] as object | undefined
    return toInvalidRequest(error.validation as ErrorObject[], part, schema)
  }
  const listed = fromFastify[error.code]
  if (listed) return listed
  const isClientError = error.statusCode !== undefined && error.statusCode >= 400 && error.statusCode < 500
  return new RekeyError(isClientError ? 'invalid_request' : 'internal', { cause: error })
}

/** The client disconnected while the proxy passed an answer on: nothing failed. */
const isClientGone = (thrown: FastifyError | RekeyError) => thrown.code === 'UND_ERR_ABORTED'

/** Converts anything thrown to an error of the table, and logs it. */
export const noteError = (
  thrown: FastifyError | RekeyError,
  reply: Pick<FastifyReply, 'log'> & { request?: FastifyRequest },
): RekeyError => {
  const error = toRekeyError(thrown, reply.request)
  reply.log.event('request_refused', { code: error.code })
  if (errors[error.code].status >= 500 && !isOverload(error) && !isClientGone(thrown))
    reply.log.event('request_error', { err: error.cause ?? thrown }, error.code)
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
  ...error.secondProof,
})

const printable = /^[\x20-\x7e]{1,512}$/

/** Printable ASCII without `"` and `\` (RFC 6749 §5.2). Input that an error quotes may have other characters. */
const toDescription = (text: string): string =>
  text.replaceAll('"', "'").replaceAll(/[^\x20\x21\x23-\x5b\x5d-\x7e]/gu, '?')

/** RFC 6749 §5.2. A valid `state` of the client is echoed. */
const toOAuthError = (error: RekeyError, body: unknown): OAuthError => {
  const state = (body as { state?: unknown } | null | undefined)?.state
  return {
    error: errors[error.code].oauth,
    error_description: toDescription(error.message),
    ...(error.secondProof && {
      challenge_type: error.secondProof.challengeTypes,
      binding_method: 'prompt',
      mfa_token: error.secondProof.mfaToken,
      waits_until: error.secondProof.waitsUntil,
    }),
    ...(typeof state === 'string' && printable.test(state) && { state }),
  }
}

/**
 * RFC 6750 §3: no error code if the request had no token, or another scheme (§3.1). `scope` lists what is needed
 * together, so that of the scopes that open a route one is named.
 */
const challengeOf = (error: RekeyError, request: FastifyRequest): string | undefined => {
  const sent = /^bearer +\S/i.test(request.headers.authorization ?? '')
  if (error.code === 'invalid_client') return 'Basic realm="rekey"'
  if (error.code === 'invalid_token')
    return sent ? 'Bearer realm="rekey", error="invalid_token"' : 'Bearer realm="rekey"'
  if (error.code === 'insufficient_scope') {
    return `Bearer realm="rekey", error="insufficient_scope", scope="${request.routeOptions.config?.scopes?.[0]}"`
  }
}

/**
 * Retry-After, RateLimit-Policy and RateLimit (draft-ietf-httpapi-ratelimit-headers-10 §3, §4), and the three headers of
 * draft 06, which libraries still read. Only refusals have them: on other answers they would disclose the requests of
 * other callers.
 */
export const waitHeaders = ({ allowance, policy, retryAfterSeconds }: RekeyError): Record<string, number | string> => ({
  ...(retryAfterSeconds !== undefined && { 'retry-after': retryAfterSeconds }),
  ...(allowance !== undefined &&
    retryAfterSeconds !== undefined &&
    policy !== undefined && {
      'ratelimit-policy': `"${policy.name}";q=${allowance}${policy.windowSeconds ? `;w=${policy.windowSeconds}` : ''}`,
      ratelimit: `"${policy.name}";r=0;t=${retryAfterSeconds}`,
    }),
  ...(allowance !== undefined &&
    retryAfterSeconds !== undefined && {
      'ratelimit-limit': allowance,
      'ratelimit-remaining': 0,
      'ratelimit-reset': retryAfterSeconds,
    }),
})

/** Sends an error in the form that the request's path requires. */
export const sendError = (error: RekeyError, request: FastifyRequest, reply: FastifyReply) => {
  const challenge = challengeOf(error, request)
  if (challenge) reply.header('www-authenticate', challenge)
  reply.headers(waitHeaders(error))
  reply.code(errors[error.code].status)
  // By path, not by route: errors of unknown routes must have the form of the contract too.
  if (request.url.startsWith('/oauth/')) return reply.send(toOAuthError(error, request.body))
  return reply.type('application/problem+json').send(toProblem(error))
}

/** Renders every error in the OAuth or the problem form, including 404 and 405. */
export const errorHandling = fp(async (app) => {
  const routes = createRouteTable()
  app.addHook('onRoute', function ({ method, url }) {
    const { errorHandler } = this
    for (const verb of [method].flat() as HTTPMethod[]) routes.add({ method: verb, url, errorHandler })
  })

  const pathOf = ({ url }: FastifyRequest) => url.split('?')[0] ?? '/'
  const routesOf = (request: FastifyRequest) => routes.find(pathOf(request))
  /** Answers 405 if the path has other methods, in the form of their own errors; else 404. */
  const refuse = (request: FastifyRequest, reply: FastifyReply) => {
    const found = routesOf(request)
    const route = found.find(({ method }) => method !== 'OPTIONS')
    if (!route) return sendError(new RekeyError('not_found'), request, reply)
    reply.header('allow', found.map(({ method }) => method).join(', '))
    return route.errorHandler(new RekeyError('method_not_allowed'), request, reply)
  }

  const refused = async (request: FastifyRequest, reply: FastifyReply) => {
    await refuse(request, reply)
  }

  // `GET /clients/reset-password` is a method that this path does not have, and no customer of that id. A page may be a
  // parameter of an address that a form posts to: `GET /restore/:flow/:step`, `POST /restore/:flow/code`.
  app.addHook('onRequest', (request, reply, done) => {
    const { url, config } = request.routeOptions
    // CORS answers its preflights on every path.
    const isPreflight = request.method === 'OPTIONS' && request.headers['access-control-request-method'] !== undefined
    if (isPreflight || url === '*' || request.is404 || !url || !/[:*]/.test(url) || config.crossSite === 'navigation')
      return done()
    if (!routes.mayHaveMoreSpecific(pathOf(request), url)) return done()
    const [exact] = routesOf(request)
    if (!exact || fixedIn(exact.url) <= fixedIn(url)) return done()
    return refused(request, reply)
  })
  // Before the body is parsed: what it contains does not matter.
  app.addHook('preParsing', (request, reply, _payload, done) => {
    if (!request.is404) return done()
    return refused(request, reply)
  })
  app.setNotFoundHandler((request, reply) => refuse(request, reply))

  app.setErrorHandler((thrown: FastifyError | RekeyError, request, reply) =>
    sendError(noteError(thrown, reply), request, reply),
  )
})
