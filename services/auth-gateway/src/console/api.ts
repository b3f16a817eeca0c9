import { type ErrorCode, errors, Problem, RekeyError, unavailable } from '@rekey/contracts'
import type { Server } from '@rekey/platform/server'
import { currentTrace } from '@rekey/platform/trace'
import { compileCheck } from '@rekey/platform/validation'

const isProblem = compileCheck(Problem)

interface Caller {
  accessToken: string
  /** Address that the person's request came from. */
  address: string
}

type Query = Record<string, string | number | undefined>

const withQuery = (path: string, query: Query): string => {
  const given = Object.entries(query).flatMap(([name, value]) =>
    value === undefined ? [] : [[name, String(value)] as [string, string]],
  )
  return given.length > 0 ? `${path}?${new URLSearchParams(given)}` : path
}

const parse = (text: string): unknown => {
  try {
    return text === '' ? undefined : JSON.parse(text)
  } catch {
    return undefined
  }
}

/** @throws RekeyError of the API's answer */
const refuse = (status: number, body: unknown, retryAfter: number): never => {
  const { code, detail, errors: fields } = isProblem(body) ? (body as Problem) : {}
  if (code === undefined || !Object.hasOwn(errors, code)) throw unavailable(new Error(`the API answered ${status}`))
  throw new RekeyError(code as ErrorCode, {
    ...(detail !== undefined && { detail }),
    ...(fields && { fields }),
    ...(retryAfter > 0 && { retryAfterSeconds: retryAfter }),
  })
}

/**
 * The HTTP API of this gateway, called with the token of the person who is signed in: through the same checks, limits,
 * forwarding and logs as a request over the network. The console has no other way to a customer.
 */
export const createApi =
  (app: Pick<Server, 'inject'>) =>
  ({ accessToken, address }: Caller) => {
    const call = async <T>(method: 'GET' | 'POST' | 'PUT' | 'DELETE', path: string, body?: object): Promise<T> => {
      const trace = currentTrace()
      const answer = await app.inject({
        method,
        url: path,
        remoteAddress: address,
        headers: {
          host: 'localhost',
          authorization: `Bearer ${accessToken}`,
          ...(trace !== undefined && { traceparent: trace }),
          ...(body && { 'content-type': 'application/json' }),
        },
        ...(body && { payload: JSON.stringify(body) }),
      })
      const parsed = parse(answer.payload)
      if (answer.statusCode >= 400) refuse(answer.statusCode, parsed, Number(answer.headers['retry-after']))
      return parsed as T
    }
    return {
      /** @throws RekeyError as the API answers */
      get: <T>(path: string, query: Query = {}) => call<T>('GET', withQuery(path, query)),
      post: <T>(path: string, body: object = {}) => call<T>('POST', path, body),
      put: <T>(path: string, body: object) => call<T>('PUT', path, body),
      delete: <T>(path: string, query: Query = {}) => call<T>('DELETE', withQuery(path, query)),
    }
  }

export type Api = ReturnType<ReturnType<typeof createApi>>
