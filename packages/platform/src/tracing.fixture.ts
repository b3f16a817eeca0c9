import type { RequestListener } from 'node:http'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Teardown } from '@rekey/test-support/infrastructure'
import { Type } from '@sinclair/typebox'
import { startReceiver } from '../../../scripts/trace/receiver.ts'
import { keepLogs } from './broker.fixture.ts'
import { loadConfig } from './config.ts'
import { createMetrics } from './metrics.ts'
import { systemRandom } from './random.ts'
import { startTracing } from './tracing.ts'
import { tracingEnv } from './tracing-settings.ts'

/** Records traces of this process by these variables. One at a time: the tracer is the process's. */
export const startTracingWith = async (t: Teardown, variables: Record<string, string>) => {
  const { log, logs } = keepLogs(t)
  const metrics = createMetrics()
  const config = loadConfig(Type.Object(tracingEnv), { OTEL_BSP_SCHEDULE_DELAY: '10', ...variables })
  const tracing = await startTracing(config, { name: 'test', log, metrics, random: systemRandom })
  t.teardown(() => tracing.close(0))
  return {
    close: tracing.close,
    logs,
    log,
    /** Spans so far, by result. */
    async counts() {
      const figures = await metrics.getSingleMetric('rekey_trace_spans_total')?.get()
      return Object.fromEntries(figures?.values.map(({ labels, value }) => [labels.result, value]) ?? [])
    },
  }
}

/** Records traces of this process, and receives them. */
export const traceToReceiver = async (t: Teardown, variables: Record<string, string> = {}) => {
  const receiver = await startReceiver()
  t.teardown(() => receiver.close())
  return { receiver, ...(await startTracingWith(t, { ...receiver.variables, ...variables })) }
}

/** A collector that answers as it is told. */
export const startCollector = async (t: Teardown, answer: RequestListener) => {
  const server = createServer(answer)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}
