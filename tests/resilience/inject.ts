import { setTimeout as delay } from 'node:timers/promises'
import type { Link } from '@rekey/test-support/link'
import type { TestServer } from '@rekey/test-support/restartable'
import { longFailures, makeLongFailures } from './long-failures.ts'
import { type Failure, type FailureKind, linkFailures, makeSchedule, processFailures, type Target } from './schedule.ts'
import type { System } from './system.ts'

/** Injects a failure and undoes it. @returns when undoing began (`performance.now()`) */
type Injection = (failure: Failure) => Promise<number>

/** Longer than an election: the others elect a leader four to nine seconds after the last heartbeat. */
const leaderAwayMs = 9_000
/** A server that returns must catch up first, or the failure of the next one leaves no majority. */
const leaderBackMs = 10_000

const toProcess =
  (find: () => Promise<TestServer>): Injection =>
  async ({ kind, forMs }) => {
    const server = await find()
    const isPause = kind === 'pause' || kind === 'long pause'
    if (isPause) server.pause()
    else await (kind === 'kill' ? server.kill() : server.stop())
    await delay(forMs)
    const undoneAt = performance.now()
    if (isPause) server.resume()
    else await server.restart()
    return undoneAt
  }

const toLink =
  (link: Link): Injection =>
  async ({ kind, forMs, delayMs }) => {
    if (kind === 'delay') link.delay(delayMs)
    if (kind === 'reset') link.reset()
    if (kind === 'stall') link.stall()
    if (kind === 'black hole') link.blackHole()
    if (kind === 'drop') link.drop()
    await delay(forMs)
    link.heal()
    return performance.now()
  }

/** Waits for a leader of the stream; without one for 2.5 s, returns any server. */
const leader =
  ({ brokers }: System, stream: string) =>
  async (): Promise<TestServer> => {
    for (let tries = 0; tries < 5; tries += 1) {
      try {
        return await brokers.leaderOf(stream)
      } catch {
        await delay(500)
      }
    }
    return brokers.servers[0] as TestServer
  }

interface FailureTarget extends Target {
  inject: Injection
}

const processTargets = (name: string, find: () => Promise<TestServer>): FailureTarget => ({
  name,
  group: name,
  kinds: processFailures,
  inject: toProcess(find),
})

const brokerTargets = (system: System): FailureTarget[] => {
  const [only, ...others] = system.brokers.servers
  if (only && others.length === 0) return [{ ...processTargets('NATS', async () => only), hasLongest: true }]
  return ['AUTH', 'PASSWORD', 'NOTIFY'].map((stream) => ({
    ...processTargets(`NATS leader of ${stream}`, leader(system, stream)),
    // Not paused: before nats-server 2.11 a leader that resumes after an election drops a repeated publication as a
    // duplicate and lacks that message from then on (nats-server pull requests 6415 and 6486).
    kinds: ['kill', 'restart'] as const,
    // Two failed servers leave no majority.
    group: 'NATS',
    leastMs: leaderAwayMs,
    restMs: leaderBackMs,
  }))
}

/** All targets but the broker. */
const otherTargets = (system: System): FailureTarget[] => [
  ...Object.entries(system.services).map(([name, server]) => processTargets(name, async () => server)),
  // The longest pauses of NATS, Redis and Postgres in the same five minutes would leave no time to work. NATS has its in
  // the half with one server: leaders of a cluster are not paused.
  { ...processTargets('Redis', async () => system.redis), hasLongest: system.brokers.servers.length > 1 },
  { ...processTargets('Postgres', async () => system.postgres), hasLongest: system.brokers.servers.length > 1 },
  ...Object.entries(system.links).map(([name, link]) => ({
    name,
    group: name,
    kinds: linkFailures,
    inject: toLink(link),
  })),
]

/** The targets that can have this kind of failure, with no other kind; of two instances the first. */
const withKind = (targets: FailureTarget[], only: FailureKind | undefined): FailureTarget[] =>
  only === undefined
    ? targets
    : targets
        .filter(({ kinds, name }) => kinds.includes(only) && !name.endsWith(' 2'))
        .map((one) => ({ ...one, kinds: [only] }))

/** Number of failures by target and kind; also targets without any. */
export type FailureCounts = Map<string, Map<FailureKind, number>>

/** Long failures among those that were injected. */
export interface LongFailure {
  target: string
  from: Date
  to: Date
}

/** A failure that ended this shortly before the end counts as one of the last. */
const lastOnesMs = 10_000

/**
 * Injects the failures that a seed determines, for each part and connection independently. The servers of a cluster fail
 * one after the other, leaders first. Long failures run in parallel with the others, which skip their targets meanwhile.
 *
 * @returns the counts, the long failures with their times, if one of them was among the last, and when undoing the last
 *   failure began
 */
export const injectFailures = async (
  system: System,
  { seed, lengthMs, only }: { seed: number; lengthMs: number; only?: FailureKind | undefined },
) => {
  const [brokers, others] = [withKind(brokerTargets(system), only), withKind(otherTargets(system), only)]
  const isCluster = brokers.length > 1
  const planned = makeLongFailures({ seed, targets: [...others, ...brokers], lengthMs })
  const schedule = [
    ...planned,
    ...(isCluster
      ? [
          ...makeSchedule({ seed, targets: others, lengthMs, planned }),
          ...makeSchedule({ seed, targets: brokers, lengthMs, inOrder: true }),
        ]
      : makeSchedule({ seed, targets: [...others, ...brokers], lengthMs, planned, once: only !== undefined })),
  ]
  const injectedLong: LongFailure[] = []
  const byName = new Map([...others, ...brokers].map((one) => [one.name, one]))
  const began = performance.now()
  const counts: FailureCounts = new Map([...byName.keys()].map((name) => [name, new Map()]))
  // A process may start later than planned: the next failure of its group waits for it.
  const before = new Map<string, Promise<unknown>>()
  const undone = await Promise.all(
    schedule.map(async (failure) => {
      await delay(failure.atMs - (performance.now() - began))
      const { group, inject } = byName.get(failure.target) as FailureTarget
      let from = new Date()
      const injected = Promise.resolve(before.get(group)).then(() => {
        from = new Date()
        return inject(failure)
      })
      before.set(group, injected)
      const undoneAt = await injected
      if (longFailures.some((kind) => kind === failure.kind))
        injectedLong.push({ target: failure.target, from, to: new Date() })
      const kinds = counts.get(failure.target) ?? new Map<FailureKind, number>()
      counts.set(failure.target, kinds.set(failure.kind, (kinds.get(failure.kind) ?? 0) + 1))
      return undoneAt
    }),
  )
  const isAfterLongFailure = injectedLong.some(({ to }) => Date.now() - to.getTime() < lastOnesMs)
  return { counts, longFailures: injectedLong, isAfterLongFailure, lastUndoneAt: Math.max(began, ...undone) }
}
