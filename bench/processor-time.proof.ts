import t from 'tap'
import {
  challenge,
  customersOf,
  histories,
  ours,
  page,
  restoreRequests,
  startFloor,
  startOurs,
  strangers,
} from './groups/contestants.ts'
import { createContestants } from './harness/bench.ts'
import { startLoad } from './harness/load.ts'
import { byHttp, contest, micros, ratioOf } from './harness/rounds.ts'

// Guards against regressions: a machine's speed and its other work change our processor time and the floor's alike.

/** Most times the floor's processor time, with room for noise. */
const bounds = { a1: 9, history: 12 }
const sizes = { rounds: 3, warmUp: 1_000, amount: 1_000 }

t.setTimeout(300_000)

t.test('a request takes no more processor time than so many times that of its floor', async (t) => {
  const load = await startLoad(t)
  const contestant = createContestants(t)
  const voided = (reason: string) => t.fail(reason)
  const bench = { load, contestant, voided }
  const services = await startOurs(bench, 50)

  await t.test('A1, unknown username', async (t) => {
    const requests = { requests: restoreRequests(strangers), expected: challenge }
    const entries = [
      byHttp(bench, { contestant: services, ...requests }),
      byHttp(bench, { contestant: await startFloor(bench, 'restore-request'), ...requests }),
    ]
    const ratio = ratioOf(await contest(entries, sizes, bench), [ours, 'floor restore-request'], micros)
    t.ok(ratio && ratio.value <= bounds.a1, `${ratio?.value.toFixed(2)} times, at most ${bounds.a1}`)
  })

  await t.test('B8', async (t) => {
    const entries = [
      byHttp(bench, { contestant: services, requests: histories(services, customersOf(services)), expected: page }),
      byHttp(bench, {
        contestant: await startFloor(bench, 'history'),
        requests: [{ method: 'GET', path: '/api/v2/clients/1/password/changes' }],
        expected: page,
      }),
    ]
    const ratio = ratioOf(await contest(entries, sizes, bench), [ours, 'floor history'], micros)
    t.ok(ratio && ratio.value <= bounds.history, `${ratio?.value.toFixed(2)} times, at most ${bounds.history}`)
  })
})
