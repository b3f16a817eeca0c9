import { setTimeout as delay } from 'node:timers/promises'
import type { Link } from '@rekey/test-support/link'
import type { TestServer } from '@rekey/test-support/restartable'
import { longFaults, makeLongFaults } from './long-faults.ts'
import { type Fault, type FaultKind, linkFaults, makeSchedule, processFaults, type Target } from './schedule.ts'
import type { System } from './system.ts'

/** Does a fault to its target, and undoes it. @returns when it began to be undone, as `performance.now()` tells it */
type Injection = (fault: Fault) => Promise<number>

/** The others choose another leader four to nine seconds after they last heard of it: this is to be seen through. */
const leaderAwayMs = 9_000
/** One that comes back takes a while until it has all that it missed: without it the next one's going leaves no majority. */
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

/** Asks until somebody leads the stream; where nobody does for long, any server will do. */
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

interface Harm extends Target {
  inject: Injection
}

const processHarm = (name: string, find: () => Promise<TestServer>): Harm => ({
  name,
  group: name,
  kinds: processFaults,
  inject: toProcess(find),
})

const brokerHarms = (system: System): Harm[] => {
  const [only, ...others] = system.brokers.servers
  if (only && others.length === 0) return [{ ...processHarm('NATS', async () => only), hasLongest: true }]
  return ['AUTH', 'PASSWORD', 'NOTIFY'].map((stream) => ({
    ...processHarm(`NATS leader of ${stream}`, leader(system, stream)),
    // Not paused: before 2.11 a leader that goes on after another was chosen takes a message that its publisher had to
    // repeat for a duplicate, and lacks it from then on without knowing (nats-server pull requests 6415 and 6486).
    kinds: ['kill', 'restart'] as const,
    // Two at a time would leave no majority.
    group: 'NATS',
    leastMs: leaderAwayMs,
    restMs: leaderBackMs,
  }))
}

/** Everything that can be harmed but the broker, and how. */
const otherHarms = (system: System): Harm[] => [
  ...Object.entries(system.services).map(([name, server]) => processHarm(name, async () => server)),
  // The longest pauses of all three in the same five minutes would leave no time to work. That of NATS comes in the half
  // with one server: the leaders of a cluster are not paused.
  { ...processHarm('Redis', async () => system.redis), hasLongest: system.brokers.servers.length > 1 },
  { ...processHarm('Postgres', async () => system.postgres), hasLongest: system.brokers.servers.length > 1 },
  ...Object.entries(system.links).map(([name, link]) => ({
    name,
    group: name,
    kinds: linkFaults,
    inject: toLink(link),
  })),
]

/** The targets to which this kind of fault is done, and no other kind. */
const ofKind = (harms: Harm[], only: FaultKind | undefined): Harm[] =>
  only === undefined
    ? harms
    : harms.filter(({ kinds }) => kinds.includes(only)).map((one) => ({ ...one, kinds: [only] }))

/** How often which kind of fault came to which target: to some of them, none. */
export type FaultCounts = Map<string, Map<FaultKind, number>>

/** Long faults among those that were injected. */
export interface LongFault {
  target: string
  from: Date
  to: Date
}

/** A fault that ended so shortly before the end of all is among the last ones. */
const lastOnesMs = 10_000

/**
 * Does all that a seed decides to a system, each part and each connection for itself. The servers of a cluster have
 * their turns one after the other beside everything else: the leaders are killed first. Long faults come beside the
 * others too, which leave their targets alone meanwhile.
 *
 * @returns what was done, the long faults with their times, whether one of them was among the last, and when the last of all began to be
 *   undone
 */
export const harm = async (
  system: System,
  { seed, lengthMs, only }: { seed: number; lengthMs: number; only?: FaultKind | undefined },
) => {
  const [brokers, others] = [brokerHarms(system), otherHarms(system)].map((harms) => ofKind(harms, only)) as [
    Harm[],
    Harm[],
  ]
  const isCluster = brokers.length > 1
  const beside = makeLongFaults({ seed, targets: [...others, ...brokers], lengthMs })
  const schedule = [
    ...beside,
    ...(isCluster
      ? [
          ...makeSchedule({ seed, targets: others, lengthMs, beside }),
          ...makeSchedule({ seed, targets: brokers, lengthMs, inOrder: true }),
        ]
      : makeSchedule({ seed, targets: [...others, ...brokers], lengthMs, beside })),
  ]
  const injectedLong: LongFault[] = []
  const byName = new Map([...others, ...brokers].map((one) => [one.name, one]))
  const began = performance.now()
  const counts: FaultCounts = new Map([...byName.keys()].map((name) => [name, new Map()]))
  // A process may take longer to start than planned: the next fault of its group waits for that.
  const before = new Map<string, Promise<unknown>>()
  const undone = await Promise.all(
    schedule.map(async (fault) => {
      await delay(fault.atMs - (performance.now() - began))
      const { group, inject } = byName.get(fault.target) as Harm
      let from = new Date()
      const injected = Promise.resolve(before.get(group)).then(() => {
        from = new Date()
        return inject(fault)
      })
      before.set(group, injected)
      const undoneAt = await injected
      if (longFaults.some((kind) => kind === fault.kind))
        injectedLong.push({ target: fault.target, from, to: new Date() })
      const kinds = counts.get(fault.target) ?? new Map<FaultKind, number>()
      counts.set(fault.target, kinds.set(fault.kind, (kinds.get(fault.kind) ?? 0) + 1))
      return undoneAt
    }),
  )
  const isAfterLongFault = injectedLong.some(({ to }) => Date.now() - to.getTime() < lastOnesMs)
  return { counts, longFaults: injectedLong, isAfterLongFault, lastUndoneAt: Math.max(began, ...undone) }
}
