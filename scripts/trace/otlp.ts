/** A span of an OTLP/JSON export, as far as a tree needs it (opentelemetry-proto, trace.proto). */
export interface ReceivedSpan {
  traceId: string
  spanId: string
  /** '' for the first span of a trace. */
  parentSpanId: string
  name: string
  kind: number
  /** `service.name` */
  service: string
  startMs: number
  endMs: number
  /** True if its status is ERROR. */
  isError: boolean
  attributes: Record<string, string>
  links: { traceId: string; spanId: string }[]
}

interface KeyValue {
  key: string
  value: { stringValue?: string; intValue?: string | number; doubleValue?: number; boolValue?: boolean }
}

interface ExportRequest {
  resourceSpans?: {
    resource?: { attributes?: KeyValue[] }
    scopeSpans?: {
      spans?: {
        traceId: string
        spanId: string
        parentSpanId?: string
        name: string
        kind: number
        startTimeUnixNano: string
        endTimeUnixNano: string
        attributes?: KeyValue[]
        links?: { traceId: string; spanId: string }[]
        status?: { code?: number }
      }[]
    }[]
  }[]
}

const errorStatus = 2

const attributesOf = (pairs: KeyValue[] = []): Record<string, string> =>
  Object.fromEntries(
    pairs.map(({ key, value: { stringValue, intValue, doubleValue, boolValue } }) => [
      key,
      String(stringValue ?? intValue ?? doubleValue ?? boolValue),
    ]),
  )

/** Milliseconds since the epoch, with a fraction. */
const toMs = (nanoseconds: string): number => Number(BigInt(nanoseconds) / 1_000n) / 1_000

/** The spans of an export in JSON. @throws Error if it is malformed */
export const readExport = (json: string): ReceivedSpan[] => {
  const { resourceSpans = [] } = JSON.parse(json) as ExportRequest
  return resourceSpans.flatMap(({ resource, scopeSpans = [] }) => {
    const service = attributesOf(resource?.attributes)['service.name'] ?? ''
    return scopeSpans.flatMap(({ spans = [] }) =>
      spans.map(({ startTimeUnixNano, endTimeUnixNano, status, links = [], parentSpanId = '', ...span }) => ({
        traceId: span.traceId,
        spanId: span.spanId,
        parentSpanId,
        name: span.name,
        kind: span.kind,
        service,
        startMs: toMs(startTimeUnixNano),
        endMs: toMs(endTimeUnixNano),
        isError: status?.code === errorStatus,
        attributes: attributesOf(span.attributes),
        links: links.map(({ traceId, spanId }) => ({ traceId, spanId })),
      })),
    )
  })
}
