import { ExportResultCode } from '@opentelemetry/core'
import { BatchSpanProcessor, type SpanExporter, type SpanProcessor } from '@opentelemetry/sdk-trace'
import type { Logger } from './logger.ts'
import { counter, type Metrics } from './metrics.ts'

interface Options {
  exporter: SpanExporter
  /** Spans that wait; further ones are dropped. */
  queueSize: number
  batchSize: number
  delayMs: number
  /** Longest time of one export. */
  timeoutMs: number
  metrics: Metrics
  log: Logger
  /** Milliseconds since any fixed moment; never decreases. */
  elapsedMs(): number
}

/** A collector that is down for hours must not fill the log. */
const logEveryMs = 60_000

/** Why an export failed, without the collector's words. */
const reasonOf = (error: Error | undefined): string => {
  const { code } = (error ?? {}) as { code?: unknown }
  if (typeof code === 'number') return `status ${code}`
  return typeof code === 'string' ? code : (error?.message ?? 'no answer')
}

/**
 * Exports spans in the background. Nothing waits for it: spans that a slow or absent collector does not take are counted,
 * and dropped once the queue is full.
 */
export const createExports = (options: Options): SpanProcessor => {
  const { exporter, queueSize, batchSize, delayMs, timeoutMs, metrics, log, elapsedMs } = options
  const spans = counter(metrics, {
    name: 'rekey_trace_spans_total',
    help: 'Recorded spans: exported, failed (the collector did not take them), or dropped (too many waited)',
    labels: { result: ['exported', 'failed', 'dropped'] },
  })
  let waiting = 0
  let lost = 0
  let loggedAtMs = Number.NEGATIVE_INFINITY
  let isFailing = false

  const lose = (result: 'failed' | 'dropped', count: number) => {
    spans.inc({ result }, count)
    lost += count
  }
  const report = (error: Error | undefined) => {
    isFailing = true
    if (elapsedMs() - loggedAtMs < logEveryMs) return
    loggedAtMs = elapsedMs()
    log.event('traces_not_exported', { reason: reasonOf(error), spans: lost })
    lost = 0
  }

  const batches = new BatchSpanProcessor({
    exporter: {
      export(batch, done) {
        waiting -= batch.length
        exporter.export(batch, (result) => {
          if (result.code === ExportResultCode.SUCCESS) {
            spans.inc({ result: 'exported' }, batch.length)
            if (isFailing) log.event('traces_exported_again', {})
            isFailing = false
            lost = 0
          } else {
            lose('failed', batch.length)
            report(result.error)
          }
          done(result)
        })
      },
      forceFlush: async () => exporter.forceFlush?.(),
      shutdown: () => exporter.shutdown(),
    },
    maxQueueSize: queueSize,
    maxExportBatchSize: Math.min(batchSize, queueSize),
    scheduledDelayMillis: delayMs,
    exportTimeoutMillis: timeoutMs,
  })
  return {
    onStart: (span, parent) => batches.onStart(span, parent),
    onEnd(span) {
      if (waiting >= queueSize) return lose('dropped', 1)
      waiting += 1
      batches.onEnd(span)
    },
    forceFlush: () => batches.forceFlush(),
    shutdown: () => batches.shutdown(),
  }
}
