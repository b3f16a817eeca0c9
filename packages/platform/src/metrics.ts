import { createServer } from 'node:http'
import {
  Counter,
  type CounterConfiguration,
  collectDefaultMetrics,
  Gauge,
  type GaugeConfiguration,
  Registry,
} from 'prom-client'

/** The registry of a service's counters and gauges: `new Counter({ …, registers: [metrics] })`. */
export type Metrics = Registry

export const createMetrics = (): Metrics => new Registry()

/** The counter of this name, created on first use: several parts of a service may share it. */
export const counter = <T extends string>(metrics: Metrics, configuration: CounterConfiguration<T>): Counter<T> =>
  (metrics.getSingleMetric(configuration.name) as Counter<T> | undefined) ??
  new Counter({ ...configuration, registers: [metrics] })

/** The gauge of this name, created on first use. */
export const gauge = <T extends string>(metrics: Metrics, configuration: GaugeConfiguration<T>): Gauge<T> =>
  (metrics.getSingleMetric(configuration.name) as Gauge<T> | undefined) ??
  new Gauge({ ...configuration, registers: [metrics] })

interface Address {
  host: string
  port: number
}

/**
 * Serves `GET /metrics` in Prometheus' text format, with the metrics of the process, on a port of its own. Never closed,
 * so that metrics can be read while the service stops.
 */
export const serveMetrics = async (metrics: Metrics, { host, port }: Address): Promise<void> => {
  collectDefaultMetrics({ register: metrics })
  const server = createServer(async (request, response) => {
    if (request.method !== 'GET' || request.url !== '/metrics') return response.writeHead(404).end()
    response.setHeader('content-type', metrics.contentType).end(await metrics.metrics())
  })
  await new Promise<void>((resolve, reject) => server.once('error', reject).listen(port, host, resolve))
}
