import { createLogger } from '@rekey/platform/logger'
import { createMetrics } from '@rekey/platform/metrics'
import { eventually } from '@rekey/test-support/eventually'
import { declaredLines } from '@rekey/test-support/log-lines'
import t, { type Test } from 'tap'
import { sha1Of, startRangeApi } from './breach.fixture.ts'
import { createBreaches } from './breach.ts'

/** A time-out that no test waits for, long enough for a busy machine. */
const longTimeoutMs = 5_000

const start = async (t: Test, { timeoutMs = longTimeoutMs, pauseMs = 60_000 } = {}) => {
  const vendor = await startRangeApi(t)
  const lines: string[] = []
  const log = createLogger({
    name: 'test',
    level: 'trace',
    destination: declaredLines(t, (line) => void lines.push(line)),
  })
  const metrics = createMetrics()
  const breaches = createBreaches({ url: vendor.url, timeoutMs, pauseMs, log, metrics })
  t.teardown(() => breaches.close())
  return {
    vendor,
    isLeaked: breaches.isLeaked,
    lines,
    logged: () => lines.map((line) => JSON.parse(line)).filter(({ event }) => event === 'breach_lookup_fail'),
    async outcomes() {
      const all = await metrics.getSingleMetric('rekey_breach_lookups_total')?.get()
      return Object.fromEntries(
        all?.values.flatMap(({ labels, value }) => (value > 0 ? [[labels.outcome, value]] : [])) ?? [],
      )
    },
  }
}

t.test('S16 a leaked password is found, any other is not', async (t) => {
  const { vendor, isLeaked, outcomes, lines } = await start(t)
  vendor.leak('correct horse battery staple', 111)
  t.equal(await isLeaked('correct horse battery staple'), true)
  t.equal(await isLeaked('Correct horse battery staple'), false, 'case differs')
  t.same(await outcomes(), { found: 1, not_found: 1 })
  t.same(lines, [])
})

t.test('S16 padding, a line with a count of 0, is not a leak', async (t) => {
  const { vendor, isLeaked } = await start(t)
  vendor.leak('only padding', 0)
  t.equal(await isLeaked('only padding'), false)
})

t.test('S16 a request contains five characters of the digest, and nothing else about the password', async (t) => {
  const { vendor, isLeaked } = await start(t)
  await isLeaked('four words of mine')
  const [request] = vendor.requests
  t.equal(request?.method, 'GET')
  t.equal(request?.url, `/range/${sha1Of('four words of mine').slice(0, 5)}`)
  const { host, ...headers } = request?.headers ?? {}
  t.same(headers, { 'add-padding': 'true', 'user-agent': 'rekey', connection: 'keep-alive' })
  t.match(host, /^127\.0\.0\.1:\d+$/)
  t.equal(request?.read(), null)
})

t.test('S16 a password is looked up in NFC', async (t) => {
  const { vendor, isLeaked } = await start(t)
  vendor.leak('caf\u00e9 au lait')
  t.equal(await isLeaked('cafe\u0301 au lait'), true)
})

t.test('S16 a late or malformed answer accepts the password and is logged', async (t) => {
  const cases = {
    'no answer': { answer: () => {}, outcome: 'timeout', reason: 'timeout' },
    'half an answer': {
      answer: (response) => void response.writeHead(200).write(`${sha1Of('half').slice(5)}:1\r\n`),
      outcome: 'timeout',
      reason: 'timeout',
    },
    500: { answer: (response) => void response.writeHead(500).end('sorry'), outcome: 'failed', reason: 'status 500' },
    429: { answer: (response) => void response.writeHead(429).end(), outcome: 'failed', reason: 'status 429' },
    'a page': { answer: (response) => void response.end('<html>'), outcome: 'failed', reason: 'malformed answer' },
    nothing: { answer: (response) => void response.end(), outcome: 'failed', reason: 'malformed answer' },
    'too much': {
      answer: (response) => void response.end(`${sha1Of('much').slice(5)}:0\r\n`.repeat(20_000)),
      outcome: 'failed',
      reason: 'UND_ERR_RES_EXCEEDED_MAX_SIZE',
    },
    'a reset': { answer: (response) => void response.destroy(), outcome: 'failed', reason: /^(UND_ERR_SOCKET|ECONN)/ },
  } satisfies Record<
    string,
    {
      answer: Parameters<Awaited<ReturnType<typeof startRangeApi>>['answerWith']>[0]
      outcome: string
      reason: string | RegExp
    }
  >
  for (const [name, { answer, outcome, reason }] of Object.entries(cases)) {
    t.test(name, async (t) => {
      const { vendor, isLeaked, outcomes, logged, lines } = await start(t, {
        timeoutMs: outcome === 'timeout' ? 100 : longTimeoutMs,
      })
      vendor.answerWith(answer)
      t.equal(await isLeaked('four words of mine'), false)
      t.same(await outcomes(), { [outcome]: 1 })
      t.match(logged(), [{ severity: 'warn', reason }])
      const digest = sha1Of('four words of mine')
      for (const secret of ['four words', digest, digest.slice(0, 5), vendor.url]) {
        t.notOk(lines.join('').toUpperCase().includes(secret.toUpperCase()), secret)
      }
    })
  }
})

t.test('S16 an unreachable vendor accepts the password', async (t) => {
  const { vendor, isLeaked, outcomes, logged } = await start(t)
  vendor.close()
  t.equal(await isLeaked('four words of mine'), false)
  t.same(await outcomes(), { failed: 1 })
  t.match(logged(), [{ reason: 'ECONNREFUSED' }])
})

t.test('S16 a redirect is not followed', async (t) => {
  const { vendor, isLeaked, outcomes } = await start(t)
  const elsewhere = await startRangeApi(t)
  elsewhere.leak('four words of mine')
  vendor.answerWith((response, { url }) => void response.writeHead(302, { location: elsewhere.url + url }).end())
  t.equal(await isLeaked('four words of mine'), false)
  t.same(await outcomes(), { failed: 1 })
  t.same(elsewhere.requests, [])
})

t.test('S16 three failures in a row pause the look-ups, which resume after the pause', async (t) => {
  const pauseMs = 1_500
  const { vendor, isLeaked, outcomes, lines } = await start(t, { pauseMs })
  vendor.leak('four words of mine')
  vendor.answerWith((response) => void response.writeHead(503).end())
  for (let failure = 1; failure <= 3; failure += 1) t.equal(await isLeaked('four words of mine'), false)
  t.equal(vendor.requests.length, 3)
  vendor.answerWith()
  await eventually(() => isLeaked('four words of mine'), { what: 'look-ups to resume' })
  const { failed, skipped = 0, found } = await outcomes()
  t.match({ failed, found }, { failed: 3, found: 1 })
  t.equal(vendor.requests.length, 4, `${skipped} accepted without a request`)
  t.ok(skipped > 0)
  t.equal(lines.filter((line) => line.includes('breach_lookups_paused')).length, 1)
  t.equal(lines.filter((line) => line.includes('breach_lookups_resumed')).length, 1)
})

t.test('connections are reused', async (t) => {
  const { vendor, isLeaked } = await start(t)
  for (let count = 0; count < 20; count += 1) await isLeaked(`password number ${count}`)
  t.equal(vendor.requests.length, 20)
  t.ok(vendor.connections() <= 8, `${vendor.connections()} connections`)
})

t.test('at most eight look-ups run at a time', async (t) => {
  const { vendor, isLeaked, outcomes } = await start(t)
  let open = 0
  let most = 0
  const pending: (() => void)[] = []
  vendor.answerWith((response) => {
    open += 1
    most = Math.max(most, open)
    pending.push(() => {
      open -= 1
      response.end(`${sha1Of('x').slice(5)}:0`)
    })
  })
  const all = Promise.all(Array.from({ length: 30 }, (_, number) => isLeaked(`password number ${number}`)))
  let answered = 0
  await eventually(() => pending.length === 8)
  while (answered < 30) {
    await eventually(() => pending.length > 0)
    pending.shift()?.()
    answered += 1
  }
  t.same(await all, Array(30).fill(false))
  t.equal(most, 8)
  t.same(await outcomes(), { not_found: 30 })
})
