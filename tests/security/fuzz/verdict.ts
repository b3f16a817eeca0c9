import { http, OAuthError, Problem } from '@rekey/contracts'
import { compileCheck } from '@rekey/platform/validation'

export interface Answer {
  status: number
  headers: Record<string, unknown>
  body: string
}

/** Words that only our own insides would say. */
const insides = /node_modules|\bat \S+ \(|\b(prisma|ajv|redis|nats\b|postgres)|ECONN/i

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

/** Without what is echoed, which may say anything. */
const ownWords = (error: unknown, body: string): string =>
  typeof error === 'object' ? JSON.stringify({ ...error, state: undefined }) : body

const isPage = (path: string) => /^\/(restore|not-me)/.test(path)

const faultOfRefusal = (path: string, { status, headers, body }: Answer): string | undefined => {
  if (headers['cache-control'] !== 'no-store') return 'may be kept by caches'
  const error = parse(body)
  if (insides.test(ownWords(error, body))) return 'tells of our insides'
  if (isPage(path)) return undefined
  if (path.startsWith('/oauth/')) return isOAuthError(error) ? undefined : 'is no OAuth error'
  if (!String(headers['content-type']).startsWith('application/problem+json'))
    return 'is of another type than a problem'
  return isProblem(error) && (error as Problem).status === status ? undefined : 'is no problem document'
}

interface Asked {
  route: string
  method: string
  path: string
}

/** By which of its errors an answer refuses: OAuth's code, or the problem's. */
export const errorOf = ({ status, body }: Pick<Answer, 'status' | 'body'>): string | undefined => {
  if (status < 400) return undefined
  const error = parse(body) as { error?: string; code?: string } | undefined
  return error?.code ?? error?.error ?? String(status)
}

/** What is wrong with an answer; undefined where it is as the contracts say. */
export const faultOf = ({ route, method, path }: Asked, answer: Answer): string | undefined => {
  const { status, body } = answer
  if (status >= 500) return `is a ${status}`
  if (method === 'HEAD') return undefined
  if (status >= 400) return faultOfRefusal(path, answer)
  if (isPage(path) || !route.startsWith(`${method} `)) return undefined
  const { response } = http[route as keyof typeof http] as { response: Record<number, object> }
  const schema = response[status]
  if (!schema) return `is a ${status}, of which the contract knows nothing`
  return body === '' || fits(schema, parse(body)) ? undefined : 'is not as the contract says'
}
