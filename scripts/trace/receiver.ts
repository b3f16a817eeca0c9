import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { buffer } from 'node:stream/consumers'
import { gunzipSync } from 'node:zlib'
import { type ReceivedSpan, readExport } from './otlp.ts'

interface Options {
  /** 0: a free one. */
  port?: number
  /** Called for each export. */
  onExport?(spans: ReceivedSpan[]): void
}

/**
 * Receives traces on loopback by OTLP over HTTP in JSON (`OTEL_EXPORTER_OTLP_PROTOCOL=http/json`).
 *
 * @throws Error EADDRINUSE if the port is busy
 */
export const startReceiver = async ({ port = 0, onExport }: Options = {}) => {
  const spans: ReceivedSpan[] = []
  const bodies: string[] = []
  const server = createServer(async (request, response) => {
    const answer = (status: number, body: object) =>
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
    if (request.method !== 'POST' || request.url !== '/v1/traces')
      return answer(404, { message: 'only POST /v1/traces' })
    if (!request.headers['content-type']?.startsWith('application/json'))
      return answer(415, { message: 'set OTEL_EXPORTER_OTLP_PROTOCOL=http/json' })
    try {
      const raw = await buffer(request)
      const body = (request.headers['content-encoding'] === 'gzip' ? gunzipSync(raw) : raw).toString()
      const received = readExport(body)
      bodies.push(body, JSON.stringify(request.headers))
      spans.push(...received)
      answer(200, {})
      onExport?.(received)
    } catch (error) {
      answer(400, { message: (error as Error).message })
    }
  })
  await new Promise<void>((resolve, reject) => server.once('error', reject).listen(port, '127.0.0.1', resolve))
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  return {
    url,
    /** Variables of a service that send its traces here at once. */
    variables: {
      OTEL_EXPORTER_OTLP_ENDPOINT: url,
      OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json',
      OTEL_BSP_SCHEDULE_DELAY: '100',
    },
    /** Every span so far. */
    spans,
    /** Everything so far, as it was sent: bodies and headers. */
    bodies,
    close: () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}

export type Receiver = Awaited<ReturnType<typeof startReceiver>>
