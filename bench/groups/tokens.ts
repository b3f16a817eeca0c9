import type { Bench, Figure, Group } from '../harness/bench.ts'
import { byHttp, contest, perSecond, ratioOf } from '../harness/rounds.ts'
import { accessToken, clientCredentials, ours, sizesFor, startFloor, startOurs } from './contestants.ts'

const figures = [
  { name: 'a5-rate', what: 'A5 client_credentials, requests/s ÷ floor', goal: { atLeast: 0.8 } },
] satisfies Figure[]

export const tokens: Group = {
  name: 'a5',
  what: 'client credentials (A5)',
  figures,
  async run(bench: Bench) {
    const load = { requests: clientCredentials, expected: accessToken }
    const entries = [
      byHttp(bench, { contestant: await startOurs(bench), ...load }),
      byHttp(bench, { contestant: await startFloor(bench, 'token'), ...load }),
    ]
    const samples = await contest(entries, sizesFor(bench), bench)
    return {
      contests: [{ title: 'A5', samples }],
      figures: { 'a5-rate': ratioOf(samples, [ours, 'floor token'], perSecond) },
    }
  },
}
