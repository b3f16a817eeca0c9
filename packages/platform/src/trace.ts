import { AsyncLocalStorage } from 'node:async_hooks'
import type { Random } from './random.ts'

/** W3C Trace Context: HTTP requests and events carry it, and every log line has its trace id. */
const storage = new AsyncLocalStorage<string>()

const form = /^00-([0-9a-f]{32})-[0-9a-f]{16}-([0-9a-f]{2})$/

/** The `traceparent` of the current request or event, if any. */
export const currentTrace = (): string | undefined => storage.getStore()

export const currentTraceId = (): string | undefined => currentTrace()?.slice(3, 35)

/** The trace id of a `traceparent`; undefined if it is malformed. */
export const traceIdOf = (caller: string | undefined): string | undefined => form.exec(caller ?? '')?.[1]

/** The `traceparent` of the next span of the caller's trace, or of a new trace if the caller sent no valid one. */
export const nextSpan = (random: Random, caller: string | undefined): string => {
  const [, traceId, flags = '00'] = (caller && form.exec(caller)) || []
  const fresh = random.bytes(24).toString('hex')
  return `00-${traceId ?? fresh.slice(16)}-${fresh.slice(0, 16)}-${flags}`
}

/** Runs `work` in a span that `nextSpan` made. */
export const runInSpan = <T>(span: string, work: () => T): T => storage.run(span, work)

/** Runs `work` as the next span of the caller's trace. */
export const runInTrace = <T>(random: Random, caller: string | undefined, work: () => T): T =>
  runInSpan(nextSpan(random, caller), work)
