import {
  ROOT_CONTEXT,
  type Attributes as SdkAttributes,
  type Span as SdkSpan,
  type SpanContext,
  SpanKind,
  SpanStatusCode,
  trace,
} from '@opentelemetry/api'
import { OTLPTraceExporter as JsonExporter } from '@opentelemetry/exporter-trace-otlp-http'
import { OTLPTraceExporter as ProtobufExporter } from '@opentelemetry/exporter-trace-otlp-proto'
import { defaultResource, resourceFromAttributes } from '@opentelemetry/resources'
import {
  AlwaysOffSampler,
  AlwaysOnSampler,
  ParentBasedSampler,
  type Sampler,
  TraceIdRatioBasedSampler,
  TracerProvider,
} from '@opentelemetry/sdk-trace'
import { errors, RekeyError, version } from '@rekey/contracts'
import { LaterError } from './delivery.ts'
import type { Logger } from './logger.ts'
import type { Metrics } from './metrics.ts'
import type { Random } from './random.ts'
import type { Attributes, NewSpan, Span, Tracer } from './span.ts'
import { createExports } from './trace-exports.ts'
import { pairsOf, type TracingConfig } from './tracing-settings.ts'

/** Content of PEM files. */
export interface TlsFiles {
  ca?: Buffer
  cert?: Buffer
  key?: Buffer
}

interface Options {
  /** Of the service: `service.name`, unless a variable names another. */
  name: string
  url: string
  config: TracingConfig
  /** Certificates for the collector. */
  tls: TlsFiles
  log: Logger
  metrics: Metrics
  random: Random
}

/** Children of one span that are recorded: a loop must not make a trace that no tool can show. */
const mostChildren = 128
/** More than the most events that one transaction handles (consume-together.ts). */
const mostLinks = 512

const kinds = {
  server: SpanKind.SERVER,
  client: SpanKind.CLIENT,
  producer: SpanKind.PRODUCER,
  consumer: SpanKind.CONSUMER,
  internal: SpanKind.INTERNAL,
} as const

const form = /^00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})$/

const toSpanContext = (traceparent: string | undefined): SpanContext | undefined => {
  const [, traceId, spanId, flags] = form.exec(traceparent ?? '') ?? []
  if (traceId === undefined || spanId === undefined || flags === undefined) return undefined
  return { traceId, spanId, traceFlags: Number.parseInt(flags, 16), isRemote: true }
}

const toTraceparent = ({ traceId, spanId, traceFlags }: SpanContext) =>
  `00-${traceId}-${spanId}-${traceFlags.toString(16).padStart(2, '0')}`

const given = (attributes: Attributes): SdkAttributes =>
  Object.fromEntries(Object.entries(attributes).filter(([, value]) => value !== undefined))

/** A code that a library gave its error, such as ECONNREFUSED or an SQLSTATE; else the name of its class. */
const typeOf = (error: unknown): string => {
  // An HTTP status.
  if (typeof error === 'number') return String(error)
  if (!(error instanceof Error)) return typeof error
  const { code } = error as { code?: unknown }
  if (typeof code === 'string' && /^[A-Z0-9_]{3,40}$/.test(code)) return code
  return error.constructor.name || 'Error'
}

/** Ends of a span: what the caller did wrong, and an event that has to wait, are no errors of this service. */
const record = (span: SdkSpan, error: unknown): void => {
  if (error instanceof LaterError) return void span.setAttribute('rekey.refused', 'later')
  if (error instanceof RekeyError && errors[error.code].status < 500)
    return void span.setAttribute('rekey.refused', error.code)
  span.setAttribute('error.type', error instanceof RekeyError ? error.code : typeOf(error))
  span.setStatus({ code: SpanStatusCode.ERROR })
}

const samplers: Record<TracingConfig['OTEL_TRACES_SAMPLER'], (share: number) => Sampler> = {
  always_on: () => new AlwaysOnSampler(),
  always_off: () => new AlwaysOffSampler(),
  traceidratio: (share) => new TraceIdRatioBasedSampler(share),
  parentbased_always_on: () => new ParentBasedSampler({ root: new AlwaysOnSampler() }),
  parentbased_always_off: () => new ParentBasedSampler({ root: new AlwaysOffSampler() }),
  parentbased_traceidratio: (share) => new ParentBasedSampler({ root: new TraceIdRatioBasedSampler(share) }),
}

type ExporterOptions = NonNullable<ConstructorParameters<typeof JsonExporter>[0]>

const createExporter = ({ url, config, tls }: Options) => {
  const Exporter = config.OTEL_EXPORTER_OTLP_PROTOCOL === 'http/json' ? JsonExporter : ProtobufExporter
  return new Exporter({
    url,
    headers: pairsOf(config.OTEL_EXPORTER_OTLP_HEADERS),
    timeoutMillis: config.OTEL_EXPORTER_OTLP_TIMEOUT,
    compression: config.OTEL_EXPORTER_OTLP_COMPRESSION as NonNullable<ExporterOptions['compression']>,
    httpAgentOptions: { keepAlive: true, ...tls },
  })
}

/** Records spans by the SDK of OpenTelemetry, and exports them by OTLP over HTTP. Loaded only if tracing is on. */
export const createOtlpTracer = (options: Options) => {
  const { name, config, log, metrics, random } = options
  const resource = defaultResource().merge(
    resourceFromAttributes({
      'service.name': name,
      'service.namespace': 'rekey',
      'service.version': version,
      'service.instance.id': random.id(),
      ...pairsOf(config.OTEL_RESOURCE_ATTRIBUTES),
      ...(config.OTEL_SERVICE_NAME !== undefined && { 'service.name': config.OTEL_SERVICE_NAME }),
    }),
  )
  const provider = new TracerProvider({
    resource,
    sampler: samplers[config.OTEL_TRACES_SAMPLER](config.OTEL_TRACES_SAMPLER_ARG),
    // Trace ids are in logs and in the headers of events: those of the system's generator cannot be foreseen.
    idGenerator: {
      generateTraceId: () => random.bytes(16).toString('hex'),
      generateSpanId: () => random.bytes(8).toString('hex'),
    },
    spanLimits: { linkCountLimit: mostLinks, attributeCountLimit: 64, attributeValueLengthLimit: 256 },
    spanProcessors: [
      createExports({
        exporter: createExporter(options),
        queueSize: config.OTEL_BSP_MAX_QUEUE_SIZE,
        batchSize: config.OTEL_BSP_MAX_EXPORT_BATCH_SIZE,
        delayMs: config.OTEL_BSP_SCHEDULE_DELAY,
        timeoutMs: config.OTEL_EXPORTER_OTLP_TIMEOUT,
        metrics,
        log,
        elapsedMs: () => performance.now(),
      }),
    ],
  })
  const sdk = provider.getTracer('rekey', version)

  const start = (parent: SpanContext | undefined, { name, kind, attributes = {}, links = [] }: NewSpan): Span => {
    const contexts = links.map(toSpanContext).filter((context) => context !== undefined)
    const span = sdk.startSpan(
      name,
      { kind: kinds[kind], attributes: given(attributes), links: contexts.map((context) => ({ context })) },
      parent ? trace.setSpanContext(ROOT_CONTEXT, parent) : ROOT_CONTEXT,
    )
    const own = span.spanContext()
    let children = 0
    return {
      traceparent: toTraceparent(own),
      isRecorded: span.isRecording(),
      begin(child) {
        children += 1
        return children > mostChildren ? undefined : start(own, child)
      },
      set: (attributes) => void span.setAttributes(given(attributes)),
      link(traceparent) {
        const context = toSpanContext(traceparent)
        if (context) span.addLink({ context })
      },
      fail: (error) => record(span, error),
      end() {
        if (children > mostChildren) span.setAttribute('rekey.children_omitted', children - mostChildren)
        span.end()
      },
    }
  }
  const tracer: Tracer = { begin: (parent, span) => start(toSpanContext(parent), span) }
  return {
    tracer,
    /** Exports what waits. Rejects if the collector does not take it. */
    shutdown: () => provider.shutdown(),
  }
}
