import { resolve } from 'node:path'
import type { Bench, Figure, Group, Measured } from '../harness/bench.ts'
import type { Contestant } from '../harness/contestant.ts'
import { byHttp, contest, micros, perSecond, ratioOf } from '../harness/rounds.ts'
import {
  accessToken,
  challenge,
  clientCredentials,
  customersOf,
  devices,
  histories,
  ours,
  page,
  restoreRequests,
  signIns,
  sizesFor,
  startOther,
  startOurs,
  strangers,
} from './contestants.ts'
import { connections } from './hashes.ts'
import { addOneRecordEach, withRecord } from './history.ts'

const other = 'other checkout'

/** No hot path is slower than in the other checkout by more than 5 %. */
const goals = { cpu: { atMost: 1.05 }, rate: { atLeast: 0.95 } }

const paths = {
  'a1-unknown': 'A1 unknown',
  'a1-known': "A1 known, to the mail's hand-over",
  history: 'B8',
  a5: 'A5',
  a4: 'A4',
}
const figures = Object.entries(paths).flatMap(([name, what]) => [
  {
    name: `against-${name}-cpu`,
    what: `${what}, processor time of all parts ÷ that of the other checkout`,
    goal: goals.cpu,
  },
  {
    name: `against-${name}-rate`,
    what: `${what}, requests/s ÷ those of the other checkout`,
    goal: goals.rate,
  },
]) satisfies Figure[]

const loads = {
  'a1-unknown': () => ({ requests: restoreRequests(strangers), expected: challenge, share: 1 }),
  'a1-known': (contestant: Contestant) => ({
    requests: restoreRequests(customersOf(contestant).map(({ email }) => email)),
    expected: challenge,
    mails: 1,
    share: 0.4,
  }),
  history: (contestant: Contestant) => ({
    requests: histories(contestant, withRecord(contestant)),
    expected: page,
    share: 1,
  }),
  a5: () => ({ requests: clientCredentials, expected: accessToken, share: 1 }),
  a4: (contestant: Contestant) => ({
    requests: signIns(customersOf(contestant).slice(0, 300)),
    expected: devices,
    connections,
    share: 0.04,
  }),
} satisfies Record<keyof typeof paths, (contestant: Contestant) => object>

export const against: Group = {
  name: 'against',
  what: 'hot paths, compared with the checkout that --against names',
  figures,
  wants: '--against DIR',
  async run(bench: Bench) {
    const contestants = [await startOurs(bench), await startOther(bench, other, resolve(bench.against ?? '.'))]
    for (const contestant of contestants) await addOneRecordEach(contestant, withRecord(contestant))
    const measured: Required<Measured> = { contests: [], figures: {} }
    for (const [name, loadOf] of Object.entries(loads)) {
      const entries = contestants.map((contestant) => {
        const { share, ...load } = loadOf(contestant)
        return { share, entry: byHttp(bench, { contestant, ...load }) }
      })
      const sizes = sizesFor(bench, entries[0]?.share)
      const samples = await contest(
        entries.map(({ entry }) => entry),
        sizes,
        bench,
      )
      measured.contests.push({ title: name, samples })
      measured.figures[`against-${name}-cpu`] = ratioOf(samples, [ours, other], micros)
      measured.figures[`against-${name}-rate`] = ratioOf(samples, [ours, other], perSecond)
    }
    return measured
  },
}
