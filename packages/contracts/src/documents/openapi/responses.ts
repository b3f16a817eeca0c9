import type { TSchema } from '@sinclair/typebox'
import { type ErrorCode, errors } from '../../errors.ts'
import type { Endpoint } from '../../http/endpoint.ts'
import { OAuthError, Problem } from '../../http/problem.ts'
import type { Components } from '../components.ts'
import { exampleOf } from '../example.ts'
import { errorsOf, isOAuth } from './operation-errors.ts'

const text = { type: 'string' }
const integer = { type: 'integer' }

/** Headers of responses. */
export const headers = {
  'WWW-Authenticate': { description: 'RFC 6750 §3, RFC 7617.', schema: text, example: 'Bearer realm="rekey"' },
  'Retry-After': { description: 'Seconds until a repeat may succeed.', schema: integer, example: 60 },
  'RateLimit-Policy': {
    description: 'Name, size and window of the quota that is used up.',
    schema: text,
    example: '"code-address";q=300;w=600',
  },
  RateLimit: { description: 'What is left of it, and for how long.', schema: text, example: '"code-address";r=0;t=60' },
  'RateLimit-Limit': { description: 'Size of the quota.', schema: integer, example: 300 },
  'RateLimit-Remaining': { description: 'Always 0.', schema: integer, example: 0 },
  'RateLimit-Reset': { description: 'Seconds until one more request is allowed.', schema: integer, example: 60 },
  Location: { description: 'Where to go.', schema: text, example: 'http://localhost:8080/restore' },
  ETag: { description: 'Of this version of the document.', schema: text, example: '"5oT4Q0NfZ0S1rJ0yT0Zb2A"' },
}

const refer = (names: (keyof typeof headers)[]) =>
  names.length === 0
    ? {}
    : { headers: Object.fromEntries(names.map((name) => [name, { $ref: `#/components/headers/${name}` }])) }

const rateLimits = [
  'RateLimit-Policy',
  'RateLimit',
  'RateLimit-Limit',
  'RateLimit-Remaining',
  'RateLimit-Reset',
] as const

const errorHeaders = (status: number, codes: ErrorCode[]) =>
  refer([
    ...(status === 401 || codes.includes('insufficient_scope') ? (['WWW-Authenticate'] as const) : []),
    ...(status === 429 || status === 503 ? (['Retry-After'] as const) : []),
    ...(status === 429 ? rateLimits : []),
  ])

const fieldErrors: Partial<Record<ErrorCode, object>> = {
  invalid_request: { errors: [{ field: 'limit', code: 'out_of_range', message: 'must be <= 100' }] },
  password_refused: { errors: [{ field: 'password', code: 'too_short', message: 'must have at least 8 characters' }] },
}

const errorExample = (code: ErrorCode, form: 'oauth' | 'problem') => {
  const { title, status, oauth } = errors[code]
  if (form === 'oauth') {
    return { error: oauth, error_description: title, state: '5e982a097260d146803b5da13b1a19c2' }
  }
  return { type: `urn:rekey:problem:${code}`, title, status, detail: title, code, ...fieldErrors[code] }
}

const pascal = (code: string) => code.replaceAll(/(^|_)(\w)/g, (_, _separator, letter: string) => letter.toUpperCase())

/** Collects `components.responses`, `components.examples` and the headers of responses. */
export const createResponses = ({ schemaOf }: Pick<Components, 'schemaOf'>) => {
  const examples: Record<string, object> = {}
  const responses: Record<string, object> = {}

  const exampleRef = (code: ErrorCode, form: 'oauth' | 'problem') => {
    const name = form === 'oauth' ? `oauth_${code}` : code
    examples[name] = { summary: errors[code].title, value: errorExample(code, form) }
    return { $ref: `#/components/examples/${name}` }
  }
  const errorResponse = (status: number, codes: ErrorCode[], form: 'oauth' | 'problem') => {
    const narrowed =
      form === 'oauth'
        ? { error: { enum: [...new Set(codes.map((code) => errors[code].oauth))] } }
        : { status: { const: status }, code: { enum: codes } }
    return {
      description: codes
        .map((code) => `${form === 'oauth' ? errors[code].oauth : code}: ${errors[code].title}`)
        .join(' '),
      ...errorHeaders(status, codes),
      content: {
        [form === 'oauth' ? 'application/json' : 'application/problem+json']: {
          schema: {
            allOf: [schemaOf(form === 'oauth' ? OAuthError : Problem), { type: 'object', properties: narrowed }],
          },
          examples: Object.fromEntries(codes.map((code) => [code, exampleRef(code, form)])),
        },
      },
    }
  }
  /** A status with one code has the same response at every operation of its form. */
  const sharedResponse = (status: number, code: ErrorCode, form: 'oauth' | 'problem') => {
    const name = `${form === 'oauth' ? 'OAuth' : ''}${pascal(code)}`
    responses[name] ??= errorResponse(status, [code], form)
    return { $ref: `#/components/responses/${name}` }
  }
  const success = (status: string, schema: TSchema, isCached: boolean) => ({
    description: schema.description ?? 'Done.',
    ...refer([
      ...(status === '302' ? (['Location'] as const) : []),
      ...(status === '503' ? (['Retry-After'] as const) : []),
      ...(isCached ? (['ETag'] as const) : []),
    ]),
    ...(schema.type !== 'null' && {
      content: { 'application/json': { schema: schemaOf(schema), example: exampleOf(schema) } },
    }),
  })

  return {
    responses,
    examples,
    /** `responses` of an operation. @param route a key of `http` */
    responsesOf(route: string, endpoint: Endpoint) {
      const form = isOAuth(route.split(' ')[1] ?? '') ? 'oauth' : 'problem'
      const isCached = '304' in endpoint.response
      const own = Object.entries(endpoint.response).filter(([status]) => /^\d+$/.test(status))
      return Object.fromEntries([
        ...own.map(([status, schema]) => [status, success(status, schema, isCached && Number(status) < 400)]),
        ...[...errorsOf(route, endpoint)].map(([status, codes]) => {
          const [first, second] = codes
          const isShared = first !== undefined && second === undefined
          return [status, isShared ? sharedResponse(status, first, form) : errorResponse(status, codes, form)]
        }),
      ])
    },
  }
}

export type Responses = ReturnType<typeof createResponses>
