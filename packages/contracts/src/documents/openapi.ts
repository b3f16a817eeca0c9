import type { TObject, TSchema } from '@sinclair/typebox'
import { http } from '../http/index.ts'
import { version } from '../version.ts'

/** A contract of `http`. */
interface Endpoint {
  summary: string
  tags: string[]
  security?: object[]
  headers?: TObject
  querystring?: TObject
  params?: TObject
  body?: TSchema
  response: Record<string, TSchema>
}

const places = { headers: 'header', querystring: 'query', params: 'path' } as const

const parametersOf = (endpoint: Endpoint) =>
  Object.entries(places).flatMap(([part, place]) => {
    const { properties = {}, required = [] } = endpoint[part as keyof typeof places] ?? {}
    return Object.entries(properties).map(([name, schema]) => ({
      name: name === 'successtoken' ? 'successToken' : name,
      in: place,
      // The schema makes the success token optional, so that a missing one is answered 403 like an invalid one.
      required: (required.includes(name) && schema.default === undefined) || name === 'successtoken',
      schema,
    }))
  })

const requestBodyOf = (path: string, body: TSchema) => ({
  required: (body.required ?? []).length > 0,
  content: {
    'application/json': { schema: body },
    ...(path.startsWith('/oauth/') && { 'application/x-www-form-urlencoded': { schema: body } }),
  },
})

/** Headers that an error response may have. */
const refusalHeaders = {
  'WWW-Authenticate': { description: 'With 401 and insufficient_scope (RFC 6750 §3).', schema: { type: 'string' } },
  'Retry-After': { description: 'With 429 and 503: seconds.', schema: { type: 'integer' } },
  'RateLimit-Policy': { description: 'With 429: name, size and window of the quota.', schema: { type: 'string' } },
  RateLimit: { description: 'With 429: what is left of it, and for how long.', schema: { type: 'string' } },
  'RateLimit-Limit': { description: 'With 429: size of the quota.', schema: { type: 'integer' } },
  'RateLimit-Remaining': { description: 'With 429: 0.', schema: { type: 'integer' } },
  'RateLimit-Reset': {
    description: 'With 429: seconds until one more request is allowed.',
    schema: { type: 'integer' },
  },
}

const responsesOf = (path: string, response: Record<string, TSchema>) =>
  Object.fromEntries(
    Object.entries(response).map(([status, schema]) => {
      const isRejection = /^[45]/.test(status)
      const type = isRejection && !path.startsWith('/oauth/') ? 'application/problem+json' : 'application/json'
      return [
        status.toUpperCase(),
        {
          description: isRejection ? 'Refused.' : (schema.description ?? 'Done.'),
          ...(isRejection && { headers: refusalHeaders }),
          ...(schema.type !== 'null' && { content: { [type]: { schema } } }),
        },
      ]
    }),
  )

const operationOf = (path: string, endpoint: Endpoint) => {
  const parameters = parametersOf(endpoint)
  return {
    summary: endpoint.summary,
    tags: endpoint.tags,
    ...(endpoint.security && { security: endpoint.security }),
    ...(parameters.length > 0 && { parameters }),
    ...(endpoint.body && { requestBody: requestBodyOf(path, endpoint.body) }),
    responses: responsesOf(path, endpoint.response),
  }
}

/** The OpenAPI 3.1 document of the gateway's public port, from the schemas that validate its requests. */
export const openapi = () => {
  const paths: Record<string, Record<string, object>> = {}
  for (const [route, endpoint] of Object.entries(http)) {
    const [method = '', pattern = ''] = route.split(' ')
    const path = pattern.replace(/:(\w+)/g, '{$1}')
    paths[path] = { ...paths[path], [method.toLowerCase()]: operationOf(path, endpoint as Endpoint) }
  }
  return {
    openapi: '3.1.0',
    info: { title: 'Rekey', version, description: 'Password restore and change.' },
    servers: [{ url: 'http://localhost:8080', description: 'Sandbox' }],
    paths,
    components: { securitySchemes: { bearer: { type: 'http', scheme: 'bearer', bearerFormat: 'JWT' } } },
  }
}
