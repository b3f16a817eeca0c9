import { availableParallelism } from 'node:os'
import type { Bench, Figure, Group } from '../harness/bench.ts'
import { byHttp, contest, spreadOf } from '../harness/rounds.ts'
import {
  challenge,
  customersOf,
  devices,
  histories,
  page,
  restoreRequests,
  signIns,
  sizesFor,
  startOurs,
} from './contestants.ts'

const services = ['auth-gateway', 'password-service', 'notifier'] as const

const startFigures = services.map((name) => ({
  name: `start-${name}`,
  what: `seconds until the ${name} is ready after its start, stores running`,
  goal: { atMost: 0.8 },
})) satisfies Figure[]

export const startTimes: Group = {
  name: 'start',
  what: 'time from start to ready',
  figures: startFigures,
  async run(bench: Bench) {
    const contestant = await startOurs(bench)
    const seconds = new Map<string, number[]>(services.map((name) => [name, []]))
    for (let round = 0; round < bench.rounds; round += 1) {
      for (const name of services) {
        await contestant.call('stop', name)
        seconds.get(name)?.push((await contestant.call<number>('start', name)) / 1_000)
      }
    }
    return { figures: Object.fromEntries([...seconds].map(([name, all]) => [`start-${name}`, spreadOf(all)])) }
  },
}

/** 19 MiB for each hash that is computed at a time: the default of REKEY_HASH_CONCURRENCY on this machine. */
const arenaMiB = 19 * Math.min(3, Math.max(1, availableParallelism() - 1))
const mostMiB = { 'auth-gateway': 150, 'password-service': 150 + arenaMiB, notifier: 110 }

const memoryFigures = services.map((name) => ({
  name: `memory-${name}`,
  what: `most resident MiB of the ${name} under load`,
  goal: { atMost: mostMiB[name] },
})) satisfies Figure[]

const sampleMs = 200

export const memory: Group = {
  name: 'memory',
  what: 'resident memory while restore requests, sign-ins and histories are answered',
  figures: memoryFigures,
  async run(bench: Bench) {
    const contestant = await startOurs(bench)
    // Fresh processes: earlier groups leave their own peaks.
    for (const name of services) {
      await contestant.call('stop', name)
      await contestant.call('start', name)
    }
    const customers = customersOf(contestant)
    const loads = [
      { requests: restoreRequests(customers.map(({ email }) => email)), expected: challenge, mails: 1, share: 0.4 },
      { requests: signIns(customers.slice(0, 300)), expected: devices, connections: 2, share: 0.02 },
      { requests: histories(contestant, customers), expected: page, share: 1 },
    ]
    const most = new Map<string, number>()
    const timer = setInterval(() => {
      for (const [name, mib] of contestant.residentMiB()) most.set(name, Math.max(mib, most.get(name) ?? 0))
    }, sampleMs)
    try {
      for (const { share, ...load } of loads) {
        const sizes = { ...sizesFor(bench, share), rounds: 1 }
        await contest([byHttp(bench, { contestant, ...load })], sizes, bench)
      }
    } finally {
      clearInterval(timer)
    }
    const figures = services.map((name) => {
      const mib = most.get(name)
      return [`memory-${name}`, spreadOf(mib === undefined ? [] : [mib])] as const
    })
    return { figures: Object.fromEntries(figures) }
  },
}
