import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Random } from './random.ts'
import { beginSpan, currentSpan, isTracing, type TraceContext, unrecordedSpan } from './trace.ts'

/** Asked every few seconds by load balancers: their traces would be most of all. */
const probes = ['/healthz', '/readyz']

/**
 * Begins the span of a request: of the caller's trace if the caller is trusted. Otherwise it begins a trace and links to
 * the caller's, so that callers cannot choose the trace ids of logs, nor which traces are recorded.
 */
export const beginRequestSpan = (
  random: Random,
  { method, routeOptions: { url: route } }: FastifyRequest,
  traceparent: string | undefined,
  isTrusted: boolean,
): TraceContext => {
  const parent = isTrusted ? traceparent : undefined
  if (!isTracing() || (route !== undefined && probes.includes(route))) return unrecordedSpan(random, parent)
  return beginSpan(random, parent, {
    // The route's pattern, never the path: people put codes and addresses into paths by mistake.
    name: route === undefined ? method : `${method} ${route}`,
    kind: 'server',
    attributes: { 'http.request.method': method, 'http.route': route },
    links: isTrusted ? [] : [traceparent],
  })
}

/** Ends the span of the current request. */
export const endRequestSpan = ({ statusCode }: FastifyReply): void => {
  const span = currentSpan()
  if (!span) return
  span.set({ 'http.response.status_code': statusCode })
  if (statusCode >= 500) span.fail(statusCode)
  span.end()
}
