import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { drawCost, type Point } from './draw.ts'
import { challenge, customersOf, page, restoreRequests, sizesFor, startOurs, strangers } from './groups/contestants.ts'
import { fillHistory, pagesOf } from './groups/rows.ts'
import { createContestants } from './harness/bench.ts'
import type { Contestant } from './harness/contestant.ts'
import { startLoad } from './harness/load.ts'
import type { Expected, LoadRequest } from './harness/protocol.ts'
import { byHttp, contest, micros, spreadOf } from './harness/rounds.ts'
import { machine } from './results.ts'

// npm run bench -- plot [--rounds N] [--records N]: draws the processor time of a request over the load and over the
// data, 1, 10 and 100 times as much, into bench/results.

const { values } = parseArgs({
  options: { rounds: { type: 'string', default: '3' }, records: { type: 'string', default: '10000' } },
})
const rounds = Number(values.rounds)
const baseRecords = Number(values.records)
const times = [1, 10, 100]
const results = join(import.meta.dirname, 'results')

interface Work {
  request: string
  requests: LoadRequest[]
  expected: Expected
  mails?: number
  /** Of the usual number of requests. */
  share: number
}

const cleanups: (() => unknown)[] = []
const t = { teardown: (clean: () => unknown) => void cleanups.push(clean) }
try {
  const load = await startLoad(t)
  const bench = { load, voided: (reason: string) => console.log(`void: ${reason}`) }

  /** Measures one kind of request. @returns undefined if every round is void */
  const measure = async (contestant: Contestant, { request, share, ...work }: Work, x: number, connections: number) => {
    const sizes = sizesFor({ quick: true, rounds }, share)
    const samples = await contest([byHttp(bench, { contestant, connections, ...work })], sizes, bench)
    const valid = (samples.get(contestant.name) ?? []).filter((sample) => sample !== undefined)
    const spread = spreadOf(valid.map(micros))
    console.log(`${request}, ${x}: ${spread ? Math.round(spread.value) : '–'} µs`)
    return spread && ({ request, x, micros: spread.value, min: spread.min, max: spread.max } satisfies Point)
  }
  const worksOf = (contestant: Contestant, pages: LoadRequest[]): Work[] => {
    const emails = customersOf(contestant).map(({ email }) => email)
    return [
      { request: 'A1, unknown', requests: restoreRequests(strangers), expected: challenge, share: 1 },
      { request: 'A1, known', requests: restoreRequests(emails), expected: challenge, mails: 1, share: 0.4 },
      { request: 'B8', requests: pages, expected: page, share: 1 },
    ]
  }

  const overLoad: Point[] = []
  const overData: Point[] = []
  for (const factor of times) {
    // Services of its own for each amount of data: what one leaves behind slows the next.
    const ended: (() => unknown)[] = []
    const own = { teardown: (clean: () => unknown) => void ended.push(clean) }
    try {
      const contestant = await startOurs({ load, contestant: createContestants(own) })
      const filled = await fillHistory(contestant, baseRecords * factor)
      const works = worksOf(contestant, pagesOf(contestant, filled))
      for (const work of works) {
        const point = await measure(contestant, work, baseRecords * factor, 10)
        if (point) overData.push(point)
      }
      if (factor !== 1) continue
      for (const work of works) {
        for (const connections of times) {
          const point = await measure(contestant, work, connections, connections)
          if (point) overLoad.push(point)
        }
      }
    } finally {
      for (const clean of ended.reverse()) await clean()
    }
  }
  mkdirSync(results, { recursive: true })
  const { processor, cores, memoryGiB } = machine()
  const subtitle = `${processor}, ${cores} cores, ${memoryGiB} GiB; load on the same machine; medians of ${rounds} rounds`
  await drawCost(join(results, 'cost-over-load.svg'), {
    title: 'Cost over load',
    subtitle,
    x: 'connections, each with one request at a time',
    points: overLoad,
  })
  await drawCost(join(results, 'cost-over-data.svg'), {
    title: 'Cost over data',
    subtitle,
    x: 'records of the history, ten for most customers',
    points: overData,
  })
  writeFileSync(
    join(results, 'cost.json'),
    `${JSON.stringify({ machine: machine(), rounds, overLoad, overData }, null, 2)}\n`,
  )
} finally {
  for (const clean of cleanups.reverse()) await clean()
}
