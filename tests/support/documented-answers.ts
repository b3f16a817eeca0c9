import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { type Endpoint, type ErrorCode, errors, http } from '@rekey/contracts'
import { errorsOf } from '@rekey/contracts/documents/openapi/operation-errors'
import type { Server } from '@rekey/platform/server'
import { checkAtEnd } from './check-at-end.ts'
import type { Teardown } from './infrastructure.ts'

/** The answers that the OpenAPI document has for a route: each status, with each code of an error. */
const documentedFor = (route: string): Set<string> => {
  const endpoint: Endpoint = http[route as keyof typeof http]
  const isOAuth = route.includes(' /oauth/')
  const ofCode = (code: ErrorCode) => `${errors[code].status} ${isOAuth ? errors[code].oauth : code}`
  return new Set([...Object.keys(endpoint.response), ...[...errorsOf(route, endpoint).values()].flat().map(ofCode)])
}

/** By route; the same for every test of a process. */
let documented: Map<string, Set<string>> | undefined

/** The code of an error: `error` of OAuth, `code` of a problem. */
const codeOf = (payload: unknown): string => {
  const { error, code } = JSON.parse(String(payload)) as { error?: string; code?: string }
  return String(error ?? code)
}

/**
 * Watches the answers of every HTTP server that starts from now on. Fails the test at its end if a route of the contract
 * gave an answer that its OpenAPI operation does not have: add the code to the `errors` of the endpoint.
 */
export const requireDocumentedAnswers = (t: Teardown): void => {
  const undocumented = new Set<string>()
  documented ??= new Map(Object.keys(http).map((route) => [route, documentedFor(route)]))
  const documentedRoutes = documented
  const watch = (message: unknown) => {
    ;(message as { fastify: Server }).fastify.addHook('onSend', async (request, reply, payload) => {
      const route = `${request.method} ${request.routeOptions.url}`
      const answers = documentedRoutes.get(route)
      const { statusCode } = reply
      // 405 is an answer of the path, and of no operation.
      if (!answers || answers.has(String(statusCode)) || statusCode === 405 || typeof payload !== 'string') return
      // An endpoint that browsers open answers errors with pages.
      if (String(reply.getHeader('content-type')).startsWith('text/html')) return
      const answer = `${statusCode} ${codeOf(payload)}`
      if (!answers.has(answer)) undocumented.add(`${route}: ${answer}`)
    })
  }
  subscribe('fastify.initialization', watch)
  checkAtEnd(t, () => {
    unsubscribe('fastify.initialization', watch)
    if (undocumented.size > 0) throw new Error(`not in the OpenAPI document:\n${[...undocumented].join('\n')}`)
  })
}
