import { readFileSync } from 'node:fs'
import { ConfigError } from './config.ts'
import type { Logger } from './logger.ts'
import type { Metrics } from './metrics.ts'
import type { TlsFiles } from './otlp-tracer.ts'
import type { Random } from './random.ts'
import { pause } from './retry.ts'
import { recordSpans } from './trace.ts'
import { type TracingConfig, tracesUrl } from './tracing-settings.ts'

interface Deps {
  /** Of the service. */
  name: string
  log: Logger
  metrics: Metrics
  random: Random
}

export interface Tracing {
  /** Stops recording, and exports what waits for at most `timeoutMs`. */
  close(timeoutMs: number): Promise<void>
}

const fileVariables = {
  ca: 'OTEL_EXPORTER_OTLP_CERTIFICATE',
  cert: 'OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE',
  key: 'OTEL_EXPORTER_OTLP_CLIENT_KEY',
} as const

/** @throws ConfigError with each file that cannot be read */
const readFiles = (config: TracingConfig): TlsFiles => {
  const errors: string[] = []
  const files: TlsFiles = {}
  for (const name of ['ca', 'cert', 'key'] as const) {
    const variable = fileVariables[name]
    const path = config[variable]
    try {
      if (path !== undefined) files[name] = readFileSync(path)
    } catch (cause) {
      errors.push(`${variable} cannot be read: ${(cause as NodeJS.ErrnoException).code}`)
    }
  }
  if (errors.length > 0) throw new ConfigError(errors)
  return files
}

/**
 * Begins to record and export traces if a collector is configured. Otherwise no module of OpenTelemetry's SDK is loaded.
 *
 * @throws ConfigError
 */
export const startTracing = async (config: TracingConfig, deps: Deps): Promise<Tracing> => {
  const url = tracesUrl(config)
  if (url === undefined) return { close: async () => {} }
  const { createOtlpTracer } = await import('./otlp-tracer.ts')
  const { tracer, shutdown } = createOtlpTracer({ ...deps, url, config, tls: readFiles(config) })
  recordSpans(tracer)
  deps.log.event('tracing_started', { host: new URL(url).host })
  return {
    async close(timeoutMs) {
      recordSpans(undefined)
      const timer = new AbortController()
      // A failed export is logged where it fails.
      await Promise.race([shutdown().catch(() => {}), pause(timeoutMs, timer.signal)])
      timer.abort()
    },
  }
}
