import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { collectDefaultMetrics, type OpenMetricsContentType, Registry } from 'prom-client'
import type { Metrics } from './metrics.ts'

interface Address {
  host: string
  port: number
}

/** The weight that an Accept header gives to a media type (RFC 9110 §12.5.1); 0 if it does not name it. */
const weightOf = (accept: string, type: string): number =>
  Math.max(
    0,
    ...accept.split(',').map((range) => {
      const [name = '', ...parameters] = range.split(';').map((part) => part.trim().toLowerCase())
      if (name !== type) return 0
      const weight = parameters.find((parameter) => parameter.startsWith('q='))
      return weight === undefined ? 1 : Number(weight.slice(2)) || 0
    }),
  )

/** True if the client asks for OpenMetrics at least as much as for Prometheus' own text format. */
const prefersOpenMetrics = ({ headers: { accept = '' } }: IncomingMessage): boolean => {
  const weight = weightOf(accept, 'application/openmetrics-text')
  return weight > 0 && weight >= weightOf(accept, 'text/plain')
}

/** The part of a metric that the library renders. */
interface Rendered {
  name: string
  type: string
  get(): Promise<{ name: string }>
  getForPromString?(): Promise<{ name: string }>
}

/**
 * The metrics in OpenMetrics 1.0, where `_total` belongs to the sample of a counter and not to its name. The library
 * (prom-client 15.1.3) cuts it off the metric itself, which Prometheus' format would then lack: it gets copies here.
 */
const openMetrics = (metrics: Metrics): Registry<OpenMetricsContentType> => {
  const registry = new Registry<OpenMetricsContentType>()
  registry.setContentType(Registry.OPENMETRICS_CONTENT_TYPE)
  for (const metric of metrics.getMetricsAsArray() as unknown as Rendered[]) {
    const name = metric.type === 'counter' ? metric.name.replace(/_total$/, '') : metric.name
    const read = async () => ({ ...(await (metric.getForPromString ?? metric.get).call(metric)), name })
    // It calls `get` with no more than this; its types name a whole metric.
    registry.registerMetric({ name, type: metric.type, get: read } as never)
  }
  return registry
}

const answer = async (metrics: Metrics, request: IncomingMessage, response: ServerResponse): Promise<void> => {
  if (request.method !== 'GET' || request.url?.split('?')[0] !== '/metrics') {
    response.writeHead(404).end()
    return
  }
  const registry = prefersOpenMetrics(request) ? openMetrics(metrics) : metrics
  const text = await registry.metrics()
  response.setHeader('content-type', registry.contentType).setHeader('vary', 'accept').end(text)
}

/**
 * Serves `GET /metrics` on a port of its own, with the metrics of the process: in Prometheus' text format, or in
 * OpenMetrics if the client asks for it. A service never closes it, so that metrics can be read while the service stops.
 */
export const serveMetrics = async (metrics: Metrics, { host, port }: Address): Promise<Server> => {
  collectDefaultMetrics({ register: metrics })
  const server = createServer((request, response) => {
    answer(metrics, request, response).catch((error: Error) => response.writeHead(500).end(`${error.message}\n`))
  })
  await new Promise<void>((resolve, reject) => server.once('error', reject).listen(port, host, resolve))
  return server
}
