import type { Bench, Figure, Group } from '../harness/bench.ts'
import { byHttp, contest, ratioOf } from '../harness/rounds.ts'
import { page, sizesFor } from './contestants.ts'
import { pagesOf, startWithRecords } from './rows.ts'

const [few, many] = [10_000, 10_000_000] as const

const figures = [
  {
    name: 'data-history-p99',
    what: 'B8, p99 with 10,000,000 records ÷ with 10,000; total and deep pages included',
    goal: { atMost: 1.2 },
  },
] satisfies Figure[]

export const data: Group = {
  name: 'data',
  what: 'histories with much data',
  figures,
  long: true,
  async run(bench: Bench) {
    const contestants = [await startWithRecords(bench, few), await startWithRecords(bench, many)]
    const entries = contestants.map(({ contestant, filled }) =>
      // Few connections: the time of the work, not of a queue.
      byHttp(bench, { contestant, requests: pagesOf(contestant, filled), expected: page, connections: 4 }),
    )
    const samples = await contest(entries, sizesFor(bench, 0.6), bench)
    const [one, other] = contestants.map(({ contestant }) => contestant.name)
    return {
      contests: [{ title: 'B8', samples }],
      figures: { 'data-history-p99': ratioOf(samples, [other ?? '', one ?? ''], ({ p99Ms }) => p99Ms) },
    }
  },
}
