import { execFileSync } from 'node:child_process'
import { availableParallelism } from 'node:os'
import type { Bench, Figure, Group } from '../harness/bench.ts'
import type { Contestant } from '../harness/contestant.ts'
import type { Expected, LoadRequest } from '../harness/protocol.ts'
import { spreadOf } from '../harness/rounds.ts'
import {
  challenge,
  histories,
  page,
  restoreRequests,
  sizesFor,
  startFloor,
  startOurs,
  strangers,
} from './contestants.ts'
import { withRecord } from './history.ts'

/** 1.7 times, where two floors give twice as much as one. */
const goal = { atLeast: 1.7 / 2 }
const figures = [
  {
    name: 'scale-gateways',
    what: 'A1, requests/s of two gateways ÷ of one, ÷ the same of two floors; stores shared, cores pinned',
    goal,
  },
  {
    name: 'scale-password-services',
    what: 'B8, requests/s of two password-services ÷ of one, ÷ the same of two floors; stores shared, cores pinned',
    goal,
  },
] satisfies Figure[]

interface Instance {
  url: string
  pid: number
}

/** Gives each instance a core of its own; stores and load take what is left. */
const pin = (instances: Instance[]) => {
  instances.forEach(({ pid }, index) => {
    execFileSync('taskset', ['-acp', String(index % availableParallelism()), String(pid)], { stdio: 'ignore' })
  })
}

interface Work {
  requests: LoadRequest[]
  expected: Expected
}

/** Requests/s that instances answer together. @throws Error if an answer is wrong */
const rateOf = async ({ load }: Bench, instances: Instance[], work: Work, amount: number): Promise<number> => {
  const each = Math.ceil(amount / instances.length)
  const results = await Promise.all(
    instances.map(({ url }) => load.run({ ...work, url, amount: each, connections: Math.ceil(50 / instances.length) })),
  )
  const wrong = results.flatMap((result) => result.wrong)
  if (wrong.length > 0) throw new Error(wrong.join('; '))
  return (each * instances.length) / Math.max(...results.map(({ seconds }) => seconds))
}

interface Pair {
  instances: Instance[]
  work: Work
  untilIdle: Contestant['untilIdle']
}

/** Divides the gain of a second instance by the gain of a second floor, round by round. */
const gains = async (bench: Bench, pairs: { ours: Pair; floor: Pair }) => {
  const { amount } = sizesFor(bench)
  const values: number[] = []
  for (const { instances } of Object.values(pairs)) pin(instances)
  for (let round = 0; round <= bench.rounds; round += 1) {
    const gainOf = async ({ instances, work, untilIdle }: Pair) => {
      const [first] = instances
      const one = await rateOf(bench, first ? [first] : [], work, amount)
      await untilIdle()
      const two = await rateOf(bench, instances, work, amount)
      await untilIdle()
      return two / one
    }
    try {
      const [ours, floor] = [await gainOf(pairs.ours), await gainOf(pairs.floor)]
      // The first round warms up.
      if (round > 0) values.push(ours / floor)
      bench.say(`a second instance: ${ours.toFixed(2)} times, a second floor: ${floor.toFixed(2)} times`)
    } catch (error) {
      bench.voided(`round ${round} of scale: ${error instanceof Error ? error.message : error}`)
    }
  }
  return spreadOf(values)
}

const pairOf = async (contestant: Contestant, name: string, work: Work, firstUrl = contestant.url): Promise<Pair> => {
  const first = { url: firstUrl, pid: await contestant.call<number>('pidOf', name) }
  const second = await contestant.call<Instance>('startAnother', name)
  return { instances: [first, second], work, untilIdle: contestant.untilIdle }
}

export const scale: Group = {
  name: 'scale',
  what: 'a second instance',
  figures,
  long: true,
  async run(bench: Bench) {
    if (availableParallelism() < 4) bench.leftOut('a core for stores and load in scale: two instances take both cores')
    const contestant = await startOurs(bench)
    const asks = { requests: restoreRequests(strangers), expected: challenge }
    const gateways = {
      ours: await pairOf(contestant, 'auth-gateway', asks),
      floor: await pairOf(await startFloor(bench, 'restore-request'), 'restore-request', asks),
    }
    const pages = { requests: histories(contestant, withRecord(contestant)), expected: page }
    const floorPages = {
      requests: [{ method: 'GET' as const, path: '/api/v2/clients/1/password/changes' }],
      expected: page,
    }
    const passwordServices = {
      ours: await pairOf(contestant, 'password-service', pages, String(contestant.facts.passwordServiceUrl)),
      floor: await pairOf(await startFloor(bench, 'history'), 'history', floorPages),
    }
    return {
      figures: {
        'scale-gateways': await gains(bench, gateways),
        'scale-password-services': await gains(bench, passwordServices),
      },
    }
  },
}
