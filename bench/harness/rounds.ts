import { median } from 'simple-statistics'
import type { Contestant } from './contestant.ts'
import type { Load } from './load.ts'
import type { Answer, Expected, LoadRequest } from './protocol.ts'

export interface Sample {
  perSecond: number
  p50Ms: number
  p99Ms: number
  /** Microseconds of each part for a request, until nothing was left to do. Empty if that was not measured. */
  parts: Map<string, number>
  /** Their sum. */
  micros: number
  /** Password hashes a second, where they are counted. */
  hashesPerSecond?: number
}

/** One contestant's part of a contest. */
export interface Entry {
  name: string
  /** Measures so many requests. `wrong`: what voids the round. */
  measure(amount: number): Promise<{ sample: Sample; wrong: string[] }>
}

export interface Sizes {
  rounds: number
  /** Requests before the first round. */
  warmUp: number
  /** Requests of a round. */
  amount: number
}

/** The rounds of each contestant; a void round is undefined. */
export type Samples = Map<string, (Sample | undefined)[]>

/**
 * Lets contestants alternate: each round measures all of them, every second one in reverse order, so that what changes on
 * the machine falls on each. A wrong answer voids a contestant's round.
 */
export const contest = async (
  entries: Entry[],
  { rounds, warmUp, amount }: Sizes,
  { voided }: { voided(reason: string): void },
): Promise<Samples> => {
  const samples: Samples = new Map(entries.map(({ name }) => [name, []]))
  for (const { name, measure } of entries) {
    const { wrong } = await measure(warmUp)
    if (wrong.length > 0) voided(`warm-up of ${name}: ${wrong.join('; ')}`)
  }
  for (let round = 0; round < rounds; round += 1) {
    for (const { name, measure } of round % 2 === 0 ? entries : entries.toReversed()) {
      const { sample, wrong } = await measure(amount)
      if (wrong.length > 0) voided(`round ${round + 1} of ${name}: ${wrong.join('; ')}`)
      samples.get(name)?.push(wrong.length > 0 ? undefined : sample)
    }
  }
  return samples
}

interface HttpEntry {
  contestant: Contestant
  /** The requests of a round, sent in turn. A function is called before each round, outside of the measurement. */
  requests: LoadRequest[] | ((amount: number) => Promise<LoadRequest[]>)
  expected: Expected
  connections?: number
  /** Mails that each request leads to: a round ends once all are handed over. 0 by default. */
  mails?: number
  /** Sends so many times more requests than the others, which cost more. 1 by default. */
  times?: number
  /** Called with the answers of each round. */
  onAnswers?: (answers: Answer[]) => void
}

/** Many connections: the load of a busy time. */
const manyConnections = 50

/** Measures requests by HTTP: their rate and times, and the processor time of all parts until they are at rest. */
export const byHttp = (
  { load }: { load: Load },
  { contestant, requests, expected, connections = manyConnections, mails = 0, times = 1, onAnswers }: HttpEntry,
): Entry => ({
  name: contestant.name,
  async measure(usual) {
    const amount = usual * times
    const list = typeof requests === 'function' ? await requests(amount) : requests
    await contestant.untilIdle()
    const mailsBefore = await load.mailCount()
    const before = contestant.processorTime()
    const plan = { url: contestant.url, requests: list, expected, amount, connections, keepAnswers: !!onAnswers }
    const { wrong, answers, perSecond, p50Ms, p99Ms } = await load.run(plan)
    if (wrong.length === 0) await load.untilMails(mailsBefore + mails * amount)
    await contestant.untilIdle()
    const spent = [...contestant.processorTime()].map(
      ([part, time]) => [part, (time - (before.get(part) ?? 0)) / amount] as const,
    )
    const parts = new Map(spent.filter(([, time]) => time > 0))
    if (wrong.length === 0 && answers) onAnswers?.(answers)
    const micros = [...parts.values()].reduce((sum, one) => sum + one, 0)
    return { sample: { perSecond, p50Ms, p99Ms, parts, micros }, wrong }
  },
})

/** A median with the least and the greatest value. */
export interface Spread {
  value: number
  min: number
  max: number
}

/** @returns undefined if there are no values */
export const spreadOf = (values: number[]): Spread | undefined =>
  values.length === 0 ? undefined : { value: median(values), min: Math.min(...values), max: Math.max(...values) }

export const micros = (sample: Sample) => sample.micros
export const perSecond = (sample: Sample) => sample.perSecond
export const partOf = (name: string) => (sample: Sample) => sample.parts.get(name) ?? 0

type Value = (sample: Sample) => number

/**
 * A value of one contestant divided by that of another, round by round: both were measured next to each other.
 * @returns undefined if no round of both is valid
 */
export const ratioOf = (
  samples: Samples,
  [numerator, denominator]: readonly [string, string],
  top: Value,
  bottom: Value = top,
): Spread | undefined => {
  const divisors = samples.get(denominator) ?? []
  const ratios = (samples.get(numerator) ?? []).flatMap((sample, round) => {
    const divisor = divisors[round]
    return sample && divisor ? [top(sample) / bottom(divisor)] : []
  })
  return spreadOf(ratios)
}
