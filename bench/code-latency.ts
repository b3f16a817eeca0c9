import { parseArgs } from 'node:util'
import { createCustomer } from '@rekey/test-support/customers'
import { restoreBody } from '@rekey/test-support/flows'
import { createHttp } from '@rekey/test-support/http'
import { fullHashes } from '@rekey/test-support/limits'
import { startProcesses } from '@rekey/test-support/processes'
import { startMailSink } from './mail-sink.ts'

// node bench/code-latency.ts [--rate N] [--seconds N]: the time from a request for a code (A1) of a known user until its
// mail is handed over, in milliseconds, at a constant rate of requests. It includes the pause of 0.1 to 0.3 s (S12).

const { values } = parseArgs({
  options: { rate: { type: 'string', default: '200' }, seconds: { type: 'string', default: '20' } },
})
const rate = Number(values.rate)
const count = rate * Number(values.seconds)
/** Each is asked for in turn. */
const customerCount = 500
const warmUpMs = 2_000
const lateMs = 30_000

const cleanups: (() => unknown)[] = []
try {
  /** When each customer's codes were asked for, and not yet handed over. */
  const asked = new Map<string, number[]>()
  const latencies: number[] = []
  const sink = await startMailSink((mail) => {
    const to = /^To: (.+)\r$/m.exec(mail)?.[1] ?? ''
    const atMs = asked.get(to)?.shift()
    if (atMs !== undefined) latencies.push(performance.now() - atMs)
  })
  cleanups.push(sink.close)
  const rekey = await startProcesses(
    { teardown: (clean) => cleanups.push(clean) },
    { env: { ...fullHashes, REKEY_LIMITS_SCALE: '1000000', SMTP_URL: sink.url } },
  )
  const customers = await Promise.all(Array.from({ length: customerCount }, () => createCustomer(rekey.postgres.url)))
  const http = createHttp(rekey.url)
  let refused = 0
  const ask = async (index: number) => {
    const { email = '' } = customers[index % customerCount] ?? {}
    const waiting = asked.get(email) ?? []
    waiting.push(performance.now())
    asked.set(email, waiting)
    const { status } = await http.post('/oauth/v2/passwordRestore', restoreBody(email))
    if (status === 200) return
    refused += 1
    waiting.pop()
  }
  const run = async (requests: number) => {
    const startedMs = performance.now()
    const all: Promise<void>[] = []
    for (let index = 0; index < requests; index += 1) {
      const restMs = startedMs + (index * 1_000) / rate - performance.now()
      if (restMs > 0) await new Promise((resolve) => setTimeout(resolve, restMs))
      all.push(ask(index))
    }
    await Promise.all(all)
    const left = () => [...asked.values()].reduce((sum, { length }) => sum + length, 0)
    for (const endMs = performance.now() + lateMs; left() > 0 && performance.now() < endMs; ) {
      await new Promise((resolve) => setTimeout(resolve, 50))
    }
    return { left: left(), tookMs: performance.now() - startedMs }
  }
  await run((rate * warmUpMs) / 1_000)
  latencies.length = 0
  asked.clear()
  const { left } = await run(count)
  latencies.sort((one, other) => one - other)
  const at = (share: number) => Math.round(latencies[Math.ceil(latencies.length * share) - 1] ?? Number.NaN)
  console.log(
    `code-latency: ${rate}/s, ${latencies.length} handed over, ${left} not, ${refused} refused; ` +
      `p50 ${at(0.5)} ms, p95 ${at(0.95)} ms, p99 ${at(0.99)} ms, most ${at(1)} ms`,
  )
} finally {
  for (const clean of cleanups.reverse()) await clean()
}
