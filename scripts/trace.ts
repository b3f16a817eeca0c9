import { readFileSync, writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { replaceTree } from './trace/document.ts'
import type { ReceivedSpan } from './trace/otlp.ts'
import { startReceiver } from './trace/receiver.ts'
import { traceRestore } from './trace/traced-restore.ts'
import { groupsOf, printTraces } from './trace/tree.ts'

const usage = `npm run trace [-- OPTIONS]: shows traces as trees, without a collector.

  (no option)     start a sandbox of its own, restore a password, print the traces of that restore, stop
  --listen        receive traces until Ctrl-C, and print those that links connect once they are complete
  --port PORT     port of --listen, default 4318
  --match TEXT    with --listen: print only traces with a span whose name contains TEXT
  --json          print spans as JSON, one a line
  --write FILE    replace the tree in FILE, such as docs/traces.md, instead of printing it
  --help          show this

To send the traces of a sandbox to --listen:
  OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:4318 OTEL_EXPORTER_OTLP_PROTOCOL=http/json npm start`

/** A service sends its spans every five seconds by default: a trace is complete if none came for longer. */
const quietMs = 6_000

/** Prints one line and exits with 2. */
const refuse = (message: string): never => {
  process.stderr.write(`npm run trace: ${message}\n`)
  process.exit(2)
}

const readOptions = () => {
  const options = {
    listen: { type: 'boolean' },
    port: { type: 'string', default: '4318' },
    match: { type: 'string', default: '' },
    json: { type: 'boolean', default: false },
    write: { type: 'string' },
    help: { type: 'boolean', short: 'h' },
  } as const
  try {
    return parseArgs({ options }).values
  } catch (error) {
    return refuse(`${(error as Error).message} (npm run trace -- --help lists the options)`)
  }
}

const print = (spans: ReceivedSpan[], asJson: boolean) => {
  const lines = asJson ? spans.map((span) => JSON.stringify(span)) : printTraces(spans)
  process.stdout.write(`${lines.join('\n')}\n`)
}

/** Prints each group of traces when nothing more of it has come for a while. */
const listen = async (port: number, { match, json }: { match: string; json: boolean }) => {
  const waiting: ReceivedSpan[] = []
  const receivedAtMs = new Map<string, number>()
  const { url } = await startReceiver({
    port,
    onExport(spans) {
      waiting.push(...spans)
      for (const { traceId } of spans) receivedAtMs.set(traceId, performance.now())
    },
  }).catch((error: NodeJS.ErrnoException) =>
    refuse(error.code === 'EADDRINUSE' ? `port ${port} is busy: choose another with --port` : error.message),
  )
  process.stderr.write(`receiving traces at ${url} (OTEL_EXPORTER_OTLP_PROTOCOL=http/json); Ctrl-C stops\n`)
  const isQuiet = ({ traceId }: ReceivedSpan) => performance.now() - (receivedAtMs.get(traceId) ?? 0) > quietMs
  setInterval(() => {
    for (const group of groupsOf(waiting)) {
      if (!group.every(isQuiet)) continue
      const printed = new Set(group)
      waiting.splice(0, waiting.length, ...waiting.filter((span) => !printed.has(span)))
      for (const { traceId } of group) receivedAtMs.delete(traceId)
      if (group.some(({ name }) => name.includes(match))) print(group, json)
    }
  }, 500)
}

const { help, listen: isListener, port, match, json, write } = readOptions()
if (help) {
  console.log(usage)
} else if (isListener) {
  if (!/^\d{1,5}$/.test(port) || Number(port) > 65_535) refuse('--port must be a port number')
  await listen(Number(port), { match, json })
} else {
  const spans = await traceRestore().catch((error: Error) => refuse(error.message))
  if (write === undefined) print(spans, json)
  else writeFileSync(write, replaceTree(readFileSync(write, 'utf8'), printTraces(spans, { ids: false })))
}
