import { http, OAuthError, Problem } from '@rekey/contracts'
import { compileCheck } from '@rekey/platform/validation'

export interface Answer {
  status: number
  headers: Record<string, unknown>
  body: string
}

/** Words that reveal internals. */
const internals = /node_modules|\bat \S+ \(|\b(prisma|ajv|redis|nats\b|postgres)|ECONN/i

const isOAuthError = compileCheck(OAuthError)
const isProblem = compileCheck(Problem)

const checks = new Map<object, (data: unknown) => boolean>()
const fits = (schema: object, data: unknown) => {
  const check = checks.get(schema) ?? compileCheck(schema)
  checks.set(schema, check)
  return check(data)
}

const parse = (body: string): unknown => {
  try {
    return JSON.parse(body)
  } catch {
    return undefined
  }
}

/** The error without `state`, which echoes the request. */
const withoutEcho = (error: unknown, body: string): string =>
  typeof error === 'object' ? JSON.stringify({ ...error, state: undefined }) : body

const isPage = (path: string) => /^\/(restore|not-me|account|staff|n|oauth\/v2\/authorize)\b/.test(path)

const violationOfRefusal = (path: string, { status, headers, body }: Answer): string | undefined => {
  if (headers['cache-control'] !== 'no-store') return 'may be cached'
  const error = parse(body)
  if (internals.test(withoutEcho(error, body))) return 'reveals internals'
  if (isPage(path)) return undefined
  if (path.startsWith('/oauth/')) return isOAuthError(error) ? undefined : 'is not an OAuth error'
  if (!String(headers['content-type']).startsWith('application/problem+json'))
    return 'has another content type than application/problem+json'
  return isProblem(error) && (error as Problem).status === status ? undefined : 'is not a problem document'
}

interface Target {
  route: string
  method: string
  path: string
}

/** The error code of a refusal: OAuth's, or the problem's. */
export const errorOf = ({ status, body }: Pick<Answer, 'status' | 'body'>): string | undefined => {
  if (status < 400) return undefined
  const error = parse(body) as { error?: string; code?: string } | undefined
  return error?.code ?? error?.error ?? String(status)
}

/** How an answer violates the contracts; undefined if it does not. */
export const violationOf = ({ route, method, path }: Target, answer: Answer): string | undefined => {
  const { status, body } = answer
  if (status >= 500) return `has the status ${status}`
  if (method === 'HEAD') return undefined
  if (status >= 400) return violationOfRefusal(path, answer)
  if (isPage(path) || !route.startsWith(`${method} `)) return undefined
  const { response } = http[route as keyof typeof http] as { response: Record<number, object> }
  const schema = response[status]
  if (!schema) return `has the status ${status}, which the contract does not have`
  return body === '' || fits(schema, parse(body)) ? undefined : 'is not as the contract says'
}
