import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { consumedEvents } from '@rekey/contracts'
import { freePort, isPortFree } from '@rekey/local-servers/ports'
import { waitUntil } from '@rekey/local-servers/wait-until'
import { checkRestore } from '../start/check.ts'
import { startSandbox } from '../start/sandbox.ts'
import { placeMetrics, readSettings } from '../start/settings.ts'
import { createStopRequest } from '../start/stop-request.ts'
import type { ReceivedSpan } from './otlp.ts'
import { startReceiver } from './receiver.ts'
import { groupsOf } from './tree.ts'

const root = join(import.meta.dirname, '../..')
/** The requests that begin and end a restore (A1, B2). */
const requests = ['POST /oauth/v2/passwordRestore', 'POST /api/v2/my/password/restore']
/** Mail is handed over and its outcome stored within a second; a busy machine takes longer. */
const wholeWithinMs = 60_000

const consumedTypes = new Set(
  Object.values(consumedEvents)
    .flat()
    .map(({ type }) => type),
)

/**
 * True if a group of traces has both requests of a restore, the parent of every span, and the handling of every event
 * that was sent. A span is exported when it ends, after its children: nothing below these is then missing.
 */
export const isWholeRestore = (spans: readonly ReceivedSpan[]): boolean => {
  const ids = new Set(spans.map(({ spanId }) => spanId))
  const handled = new Set(spans.map(({ parentSpanId, name }) => `${parentSpanId} ${name}`))
  const isHandled = ({ spanId, name }: ReceivedSpan) => {
    const [verb, type = ''] = name.split(' ')
    return verb !== 'send' || !consumedTypes.has(type) || handled.has(`${spanId} process ${type}`)
  }
  return (
    requests.every((name) => spans.some((span) => span.name === name)) &&
    spans.every(({ parentSpanId }) => parentSpanId === '' || ids.has(parentSpanId)) &&
    spans.every(isHandled)
  )
}

/**
 * Restores a password in a sandbox of its own.
 *
 * @returns the spans of that restore, once all have come
 * @throws Error if the sandbox does not start, the restore fails, or spans are missing after a minute
 */
export const traceRestore = async (): Promise<ReceivedSpan[]> => {
  const dataDir = mkdtempSync(join(tmpdir(), 'rekey-trace-'))
  const stopRequest = createStopRequest()
  const { signal } = stopRequest
  const receiver = await startReceiver()
  const say = (line: string) => console.error(line)
  try {
    const [port, inboxPort, providerPort] = await Promise.all([freePort(), freePort(), freePort()])
    // Services read the variables of OpenTelemetry from this process.
    Object.assign(process.env, receiver.variables)
    const ports = { PORT: String(port), INBOX_PORT: String(inboxPort), PROVIDER_PORT: String(providerPort) }
    const env = { ...process.env, ...ports, REKEY_DATA_DIR: dataDir }
    const settings = await placeMetrics(readSettings(['--check'], env, root), isPortFree)
    const sandbox = await startSandbox(settings, { say, signal })
    try {
      await checkRestore(settings, say)
      return await waitUntil(() => groupsOf(receiver.spans).find(isWholeRestore), {
        what: 'every span of the restore',
        timeoutMs: wholeWithinMs,
        signal,
      })
    } finally {
      await sandbox.stop()
    }
  } finally {
    stopRequest.release()
    await receiver.close()
    rmSync(dataDir, { recursive: true, force: true })
  }
}
