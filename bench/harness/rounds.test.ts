import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import t, { type Test } from 'tap'
import type { Contestant } from './contestant.ts'
import { byHttp, contest, perSecond, ratioOf } from './rounds.ts'
import { send } from './send.ts'

const right = '{"token":"a","total":1}'
const expected = { status: 200, fields: { token: 'string', total: 'number' } } as const

/** Serves this answer to every tenth request, and the right one to the others. */
const serve = async (t: Test, tenth: { status?: number; body?: string }) => {
  let count = 0
  const server = createServer((_request, response) => {
    count += 1
    const { status = 200, body = right } = count % 10 === 0 ? tenth : {}
    response.writeHead(status, { 'content-type': 'application/json' }).end(body)
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => server.close())
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const contestant: Contestant = {
    ...{ name: url, url, facts: {} },
    processorTime: () => new Map(),
    residentMiB: () => new Map(),
    untilIdle: async () => {},
    call: async () => Promise.reject(new Error('it has no host')),
  }
  return contestant
}

const load = { run: send, mailCount: async () => 0, untilMails: async () => {} } as never
const measure = async (t: Test, tenth: { status?: number; body?: string }) => {
  const voided: string[] = []
  const contestants = [await serve(t, {}), await serve(t, tenth)] as const
  const entries = contestants.map((contestant) =>
    byHttp({ load }, { contestant, requests: [{ method: 'GET', path: '/' }], expected, connections: 2 }),
  )
  const bench = { voided: (reason: string) => void voided.push(reason) }
  const samples = await contest(entries, { rounds: 2, warmUp: 10, amount: 20 }, bench)
  return { ratio: ratioOf(samples, [contestants[0].name, contestants[1].name], perSecond), voided }
}

t.test('a wrong status or shape voids the round, and the report says which', async (t) => {
  const wrong = [
    { status: 429 },
    { status: 204, body: '' },
    { body: '{"token":"a"}' },
    { body: '{"token":1,"total":1}' },
    { body: 'no JSON' },
  ]
  const results = await Promise.all(wrong.map(async (tenth) => ({ tenth, ...(await measure(t, tenth)) })))
  for (const { tenth, ratio, voided } of results) {
    t.equal(ratio, undefined, JSON.stringify(tenth))
    t.equal(voided.length, 3, 'the warm-up and both rounds')
    t.match(voided[1], /^round 1 of .*: 2 × /)
  }
})

t.test('right answers give a ratio', async (t) => {
  const { ratio, voided } = await measure(t, {})
  t.same(voided, [])
  t.ok(ratio && ratio.min > 0 && ratio.min <= ratio.value && ratio.value <= ratio.max)
})
