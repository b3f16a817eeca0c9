/** Names of the semantic conventions of OpenTelemetry; those of Rekey begin with `rekey`. */
export type AttributeName =
  | 'db.operation.name'
  | 'db.query.summary'
  | 'db.stored_procedure.name'
  | 'db.system.name'
  | 'error.type'
  | 'http.request.method'
  | 'http.response.status_code'
  | 'http.route'
  | 'messaging.batch.message_count'
  | 'messaging.consumer.group.name'
  | 'messaging.destination.name'
  | 'messaging.operation.name'
  | 'messaging.operation.type'
  | 'messaging.system'
  | 'rekey.attempt'
  | 'rekey.challenge'
  | 'rekey.channel'
  | 'rekey.children_omitted'
  | 'rekey.refused'
  | 'rpc.method'
  | 'rpc.system.name'
  | 'server.address'

/** Values are of a bounded set, hashed, or numbers: never personal, never a secret (S9, S35). */
export type Attributes = Partial<Record<AttributeName, string | number | boolean | undefined>>

export interface NewSpan {
  /** Has few values: a route's pattern, an event's type. No id, no path with values. */
  name: string
  kind: 'server' | 'client' | 'producer' | 'consumer' | 'internal'
  attributes?: Attributes
  /** The `traceparent` of spans of other traces; malformed ones are ignored. */
  links?: readonly (string | undefined)[]
}

/** A span that has begun. */
export interface Span {
  readonly traceparent: string
  /** False if the sampler dropped it. */
  readonly isRecorded: boolean
  /** Begins a child. @returns undefined if the span has as many as it may */
  begin(child: NewSpan): Span | undefined
  set(attributes: Attributes): void
  /** Links to a span of another trace; a malformed `traceparent` is ignored. */
  link(traceparent: string | undefined): void
  /** Records the type of an error, never its message, which may contain values. */
  fail(error: unknown): void
  end(): void
}

export interface Tracer {
  /** Begins a span. `parent`: a valid `traceparent`; undefined begins a trace. */
  begin(parent: string | undefined, span: NewSpan): Span
}
