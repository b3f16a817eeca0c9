import type { FastifyReply, FastifyRequest } from 'fastify'
import { buckets, histogram, type Metrics } from './metrics.ts'

/** The value of a label for what belongs to no listed one. */
export const other = 'other'

/** Methods that a stranger invents, or that no route has, must not make a series each. */
const methods = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'] as const
type Method = (typeof methods)[number] | typeof other
const methodOf = (method: string): Method => methods.find((known) => known === method) ?? other

export type MeasureRequest = (request: FastifyRequest, reply: FastifyReply) => void

/**
 * Returns the function that measures an answered request, by its route's pattern: a path may contain a customer's id, and
 * has no bounded set of values.
 */
export const createRequestMetrics = (metrics: Metrics): MeasureRequest => {
  const durations = histogram(metrics, {
    name: 'rekey_http_request_duration_seconds',
    help:
      'Time from the request line to the end of the answer, by route and status. Paths that match no route have the route ' +
      `${other}; a request that the HTTP parser refuses is not counted`,
    labels: {
      method: [...methods, other],
      route: "patterns of the service's routes, and other",
      status: 'HTTP status codes',
    },
    buckets: buckets.request,
  })
  return (request, reply) => {
    const { url } = request.routeOptions
    const route = request.is404 || url === undefined ? other : url
    const labels = { method: methodOf(request.method), route, status: String(reply.statusCode) }
    durations.observe(labels, reply.elapsedTime / 1_000)
  }
}
