import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import t, { type Test } from 'tap'
import { connect, sample } from './samples.ts'
import { quickest, welchT } from './welch.ts'

t.setTimeout(120_000)

/** Starts a server that takes random time for each request, and `moreMs` more for known names. */
const startServer = async (t: Test, { moreMs }: { moreMs: number }) => {
  const server = createServer((request, response) => {
    const untilMs = performance.now() + Math.random() / 2 + (request.url?.startsWith('/known') ? moreMs : 0)
    while (performance.now() < untilMs);
    response.end('the same')
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => server.close())
  const connection = connect(`http://127.0.0.1:${(server.address() as AddressInfo).port}`)
  t.teardown(connection.close)
  return connection
}

const names = (group: string) => Array.from({ length: 1_000 }, (_, index) => `/${group}/${index}`)

const measure = async (t: Test, planted: { moreMs: number }) => {
  const { ask } = await startServer(t, planted)
  const groups = { known: names('known'), unknown: names('unknown') }
  const samples = await sample(groups, async (path) => (await ask({ method: 'GET', path })).ms)
  t.same([samples.known.length, samples.unknown.length], [1_000, 1_000])
  return [samples, quickest(0.9, samples)].map(welchT)
}

t.test('S12: one millisecond more for known names is found', async (t) => {
  const values = await measure(t, { moreMs: 1 })
  t.ok(Math.max(...values) > 4.5, `t = ${values}`)
})

t.test('S12: without a planted difference none is found', async (t) => {
  for (const value of await measure(t, { moreMs: 0 })) t.ok(Math.abs(value) <= 4.5, `t = ${value}`)
})

t.test('the t value equals that of R', async (t) => {
  const known = [14, 15, 15, 15, 16, 18, 22, 23, 24, 25, 25]
  const unknown = [10, 12, 14, 15, 18, 22, 24, 27, 31, 33, 34, 34, 34]
  t.equal(welchT({ known, unknown }).toFixed(4), '-1.5379')
})
