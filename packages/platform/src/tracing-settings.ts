import { OneOf } from '@rekey/contracts'
import { type Static, Type } from '@sinclair/typebox'

const endpoint = (description: string) =>
  Type.Optional(Type.String({ format: 'url', pattern: '^https?://[^\\s]+$', description }))

const file = (description: string) => Type.Optional(Type.String({ description }))

/** `name=value` pairs, separated by commas, as in W3C Baggage: a value is percent-encoded. */
const pairs = (name: string, description: string) => {
  const pair = `[ \\t]*${name}[ \\t]*=([^,%\\p{Cc}]|%[0-9A-Fa-f]{2})*`
  return Type.Optional(Type.String({ pattern: `^${pair}(,${pair})*$`, description }))
}

const token = "[!#$%&'*+.^_`|~0-9A-Za-z-]+"

/** The standard variables of OpenTelemetry that Rekey reads. The trace exporter is off unless an endpoint is set. */
export const tracingEnv = {
  OTEL_EXPORTER_OTLP_ENDPOINT: endpoint(
    'URL of an OpenTelemetry collector, to which /v1/traces is appended. Not set: no traces are recorded.',
  ),
  OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: endpoint('Whole URL for traces, instead of OTEL_EXPORTER_OTLP_ENDPOINT.'),
  OTEL_SDK_DISABLED: Type.Optional(Type.Boolean({ description: 'True: no traces are recorded.' })),
  OTEL_TRACES_EXPORTER: OneOf(['otlp', 'none'], { default: 'otlp', description: 'none: no traces are recorded.' }),
  OTEL_EXPORTER_OTLP_PROTOCOL: OneOf(['http/protobuf', 'http/json'], {
    default: 'http/protobuf',
    description: 'Encoding of traces. gRPC is not supported: collectors take HTTP at port 4318.',
  }),
  OTEL_EXPORTER_OTLP_HEADERS: pairs(
    token,
    'Headers for the collector, such as credentials: name=value, comma-separated, values percent-encoded.',
  ),
  OTEL_EXPORTER_OTLP_COMPRESSION: OneOf(['gzip', 'none'], { default: 'none', description: 'Compression of traces.' }),
  OTEL_EXPORTER_OTLP_TIMEOUT: Type.Integer({
    minimum: 100,
    maximum: 60_000,
    default: 10_000,
    description: 'Longest time of one export with its retries, in milliseconds.',
  }),
  OTEL_EXPORTER_OTLP_CERTIFICATE: file(
    "PEM file of the authority that signed the collector's certificate, if it is not a public one.",
  ),
  OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE: file('PEM file of the client certificate for the collector.'),
  OTEL_EXPORTER_OTLP_CLIENT_KEY: file('PEM file of its private key.'),
  OTEL_SERVICE_NAME: Type.Optional(
    Type.String({
      pattern: '^[^\\p{Cc}]{1,100}$',
      description: 'service.name of the traces. Not set: auth-gateway, password-service, notifier.',
    }),
  ),
  OTEL_RESOURCE_ATTRIBUTES: pairs(
    '[^=,%\\s\\p{Cc}]+',
    'Attributes of every span: name=value, comma-separated, values percent-encoded.',
  ),
  OTEL_TRACES_SAMPLER: OneOf(
    [
      'always_on',
      'always_off',
      'traceidratio',
      'parentbased_always_on',
      'parentbased_always_off',
      'parentbased_traceidratio',
    ],
    {
      default: 'parentbased_always_on',
      description: 'Which traces are recorded. parentbased: those of callers as the caller has decided.',
    },
  ),
  OTEL_TRACES_SAMPLER_ARG: Type.Number({
    minimum: 0,
    maximum: 1,
    default: 1,
    description: 'Share of the traces that traceidratio records.',
  }),
  OTEL_BSP_MAX_QUEUE_SIZE: Type.Integer({
    minimum: 1,
    maximum: 65_536,
    default: 2_048,
    description: 'Spans that wait for an export; further ones are dropped.',
  }),
  OTEL_BSP_MAX_EXPORT_BATCH_SIZE: Type.Integer({
    minimum: 1,
    maximum: 65_536,
    default: 512,
    description: 'Most spans of one export.',
  }),
  OTEL_BSP_SCHEDULE_DELAY: Type.Integer({
    minimum: 10,
    maximum: 60_000,
    default: 5_000,
    description: 'Longest time that a span waits for an export to begin, in milliseconds.',
  }),
}

const schema = Type.Object(tracingEnv)
export type TracingConfig = Static<typeof schema>

const decode = (text: string): string => {
  try {
    return decodeURIComponent(text)
  } catch {
    // Not UTF-8.
    return text
  }
}

/** The pairs of a variable such as OTEL_RESOURCE_ATTRIBUTES. */
export const pairsOf = (text = ''): Record<string, string> =>
  Object.fromEntries(
    text
      .split(',')
      .filter(Boolean)
      .map((pair) => {
        const at = pair.indexOf('=')
        return [pair.slice(0, at).trim(), decode(pair.slice(at + 1).trim())]
      }),
  )

/** The URL that traces are sent to; undefined while tracing is off. */
export const tracesUrl = (config: Partial<TracingConfig>): string | undefined => {
  if (config.OTEL_SDK_DISABLED || config.OTEL_TRACES_EXPORTER === 'none') return undefined
  const { OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: whole, OTEL_EXPORTER_OTLP_ENDPOINT: base } = config
  return whole ?? (base === undefined ? undefined : `${base.replace(/\/$/, '')}/v1/traces`)
}
