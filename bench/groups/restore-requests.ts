import type { Bench, Figure, Group } from '../harness/bench.ts'
import { byHttp, contest, micros, partOf, perSecond, ratioOf } from '../harness/rounds.ts'
import {
  challenge,
  customersOf,
  ours,
  restoreRequests,
  sizesFor,
  startFloor,
  startOurs,
  strangers,
} from './contestants.ts'
import { betterAuth, peerEntries, supabaseAuth } from './peers.ts'

const floor = 'floor restore-request'
const oursToFloor = [ours, floor] as const

const unknownFigures = [
  { name: 'a1-cpu', what: 'A1 unknown, processor time of all parts ÷ floor', goal: { atMost: 2.5 } },
  {
    name: 'a1-gateway-cpu',
    what: "A1 unknown, processor time of the gateway ÷ floor's process",
    goal: { atMost: 1.6 },
  },
  { name: 'a1-rate', what: 'A1 unknown, requests/s ÷ floor', goal: { atLeast: 0.75 } },
  {
    name: 'a1-cpu-better-auth',
    what: "A1 unknown, processor time of all parts ÷ Better Auth's",
    goal: { atMost: 0.28 },
  },
  { name: 'a1-rate-better-auth', what: "A1 unknown, requests/s ÷ Better Auth's", goal: { atLeast: 4 } },
  {
    name: 'a1-cpu-supabase',
    what: "A1 unknown, processor time of all parts ÷ Supabase Auth's",
    goal: { atMost: 0.45 },
  },
] satisfies Figure[]

export const unknown: Group = {
  name: 'a1',
  what: 'restore requests (A1) for unknown usernames',
  figures: unknownFigures,
  async run(bench: Bench) {
    const load = { requests: restoreRequests(strangers), expected: challenge }
    const entries = [
      byHttp(bench, { contestant: await startOurs(bench), ...load }),
      byHttp(bench, { contestant: await startFloor(bench, 'restore-request'), ...load }),
      ...(await peerEntries(bench, 'unknown', strangers)),
    ]
    const samples = await contest(entries, sizesFor(bench), bench)
    return {
      contests: [{ title: 'A1, unknown', samples }],
      figures: {
        'a1-cpu': ratioOf(samples, oursToFloor, micros),
        'a1-gateway-cpu': ratioOf(samples, oursToFloor, partOf('auth-gateway'), partOf('restore-request')),
        'a1-rate': ratioOf(samples, oursToFloor, perSecond),
        'a1-cpu-better-auth': ratioOf(samples, [ours, betterAuth], micros),
        'a1-rate-better-auth': ratioOf(samples, [ours, betterAuth], perSecond),
        'a1-cpu-supabase': ratioOf(samples, [ours, supabaseAuth], micros),
      },
    }
  },
}

const knownFigures = [
  {
    name: 'known-cpu',
    what: "A1 known, processor time of all parts to the mail's hand-over ÷ A1's floor",
    goal: { atMost: 9 },
  },
  {
    name: 'known-cpu-better-auth',
    what: "A1 known, processor time of all parts to the mail's hand-over ÷ Better Auth's",
    goal: { atMost: 0.7 },
  },
  {
    name: 'known-cpu-supabase',
    what: "A1 known, processor time of all parts to the mail's hand-over ÷ Supabase Auth's",
    goal: { atMost: 0.5 },
  },
] satisfies Figure[]

export const known: Group = {
  name: 'known',
  what: "restore requests (A1) for customers, to their mail's hand-over",
  figures: knownFigures,
  async run(bench: Bench) {
    const contestant = await startOurs(bench)
    const requests = restoreRequests(customersOf(contestant).map(({ email }) => email))
    const entries = [
      byHttp(bench, { contestant, requests, expected: challenge, mails: 1 }),
      byHttp(bench, {
        contestant: await startFloor(bench, 'restore-request'),
        requests: restoreRequests(strangers),
        expected: challenge,
      }),
      ...(await peerEntries(bench, 'known', strangers)),
    ]
    const samples = await contest(entries, sizesFor(bench, 0.4), bench)
    return {
      contests: [{ title: 'A1, known', samples }],
      figures: {
        'known-cpu': ratioOf(samples, oursToFloor, micros),
        'known-cpu-better-auth': ratioOf(samples, [ours, betterAuth], micros),
        'known-cpu-supabase': ratioOf(samples, [ours, supabaseAuth], micros),
      },
    }
  },
}
