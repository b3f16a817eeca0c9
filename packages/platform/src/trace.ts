import { AsyncLocalStorage } from 'node:async_hooks'
import type { Random } from './random.ts'
import type { NewSpan, Span, Tracer } from './span.ts'

/** W3C Trace Context: HTTP requests and events carry it, and every log line has its trace id. */
export interface TraceContext {
  readonly traceparent: string
  /** Undefined if the span is not recorded: tracing is off, or the sampler dropped the trace. */
  readonly span?: Span | undefined
}

const storage = new AsyncLocalStorage<TraceContext>()

/** Undefined while tracing is off. One for the process, as the storage is. */
let tracer: Tracer | undefined

/** Records spans from now on; undefined: no more. */
export const recordSpans = (recorder: Tracer | undefined): void => {
  tracer = recorder
}

const form = /^00-([0-9a-f]{32})-[0-9a-f]{16}-([0-9a-f]{2})$/

/** True if traces are recorded. */
export const isTracing = (): boolean => tracer !== undefined

/** The `traceparent` of the current request or event, if any. */
export const currentTrace = (): string | undefined => storage.getStore()?.traceparent

export const currentTraceId = (): string | undefined => currentTrace()?.slice(3, 35)

/** The `traceparent` of the current span if it is recorded. Later requests of the same person link to it. */
export const recordedTrace = (): string | undefined => storage.getStore()?.span?.traceparent

/** The trace id of a `traceparent`; undefined if it is malformed. */
export const traceIdOf = (caller: string | undefined): string | undefined => form.exec(caller ?? '')?.[1]

/** True if the caller records its span, and so wants those of its trace. */
const isSampled = (traceparent: string): boolean => (Number.parseInt(traceparent.slice(-2), 16) & 1) === 1

/** The next span of the caller's trace, or the first one of a new trace if the caller sent no valid `traceparent`; not recorded. */
export const unrecordedSpan = (random: Random, caller: string | undefined): TraceContext => {
  const [, traceId, flags = '00'] = (caller && form.exec(caller)) || []
  const fresh = random.bytes(24).toString('hex')
  return { traceparent: `00-${traceId ?? fresh.slice(16)}-${fresh.slice(0, 16)}-${flags}` }
}

const contextOf = (span: Span): TraceContext =>
  span.isRecorded ? { traceparent: span.traceparent, span } : { traceparent: span.traceparent }

/** Begins a span of the caller's trace, or of a new trace if the caller sent no valid `traceparent`. */
export const beginSpan = (random: Random, caller: string | undefined, span: NewSpan): TraceContext => {
  if (!tracer) return unrecordedSpan(random, caller)
  return contextOf(tracer.begin(traceIdOf(caller) === undefined ? undefined : caller, span))
}

/** Runs `work` in a span that `beginSpan` began. */
export const runInContext = <T>(context: TraceContext, work: () => T): T => storage.run(context, work)

/** Runs `work` as the next span of the caller's trace, without recording the span. */
export const runInTrace = <T>(random: Random, caller: string | undefined, work: () => T): T =>
  runInContext(unrecordedSpan(random, caller), work)

const runToEnd = async <T>(span: Span, work: () => Promise<T>): Promise<T> => {
  try {
    return await storage.run(contextOf(span), work)
  } catch (error) {
    span.fail(error)
    throw error
  } finally {
    span.end()
  }
}

/** Runs `work` as a span of the caller's trace, and records it. */
export const runAsSpan = <T>(
  random: Random,
  caller: string | undefined,
  span: NewSpan,
  work: () => Promise<T>,
): Promise<T> => {
  const context = beginSpan(random, caller, span)
  return context.span ? runToEnd(context.span, work) : runInContext(context, work)
}

/** Runs `work` as a child of the current span. Costs nothing if that is not recorded. */
export const inSpan = <T>(span: NewSpan, work: () => Promise<T>): Promise<T> => {
  const child = storage.getStore()?.span?.begin(span)
  return child ? runToEnd(child, work) : work()
}

/**
 * Runs `work` as a child of a span that may not be the current one, as of an event that was created earlier. Nothing is
 * recorded unless that span is.
 *
 * @param work gets the `traceparent` to send on: that of the new span, or the given one
 */
export const inSpanOf = <T>(
  traceparent: string | undefined,
  span: () => NewSpan,
  work: (traceparent: string | undefined) => Promise<T>,
): Promise<T> => {
  if (!tracer || traceparent === undefined || !isSampled(traceparent)) return work(traceparent)
  const child = tracer.begin(traceparent, span())
  return runToEnd(child, () => work(child.traceparent))
}

/** The current span, if it is recorded. */
export const currentSpan = (): Span | undefined => storage.getStore()?.span
