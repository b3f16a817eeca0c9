import type { Finding } from '../checks/finding.ts'

/** Items that wait for a service: rows of the outbox, or messages of a consumer. */
export interface Queue {
  /** Its name in `degraded` of `/readyz`. */
  name: string
  /** Service whose instances work on it. */
  service: string
  /** Number of waiting items. */
  waiting: number
  /** Changes when an item leaves. */
  position: string
}

/** The answer of one instance's `/readyz`. */
export interface Readiness {
  status: 'ok' | 'degraded' | 'unavailable'
  /** If degraded: the parts without progress, each with a sentence. */
  degraded?: Record<string, string>
}

/** One observation of a system. */
export interface Observation {
  at: Date
  /** By the instance's name. */
  instances: Map<string, Readiness>
  /** Queues that could be read; a missing one may be unchanged. */
  queues: Queue[]
}

/** A time in which items waited and none left. */
export interface Standstill {
  queue: string
  from: Date
  forMs: number
  /** The longest time without a break in which an instance was ready and did not report it. */
  unreportedMs: number
  /** Instances that did not report it. */
  unreportedBy: string[]
  /** Reports of the instances. */
  reports: string[]
}

export interface Progress {
  /** Number of observations of waiting items. */
  observed: number
  /** All standstills, also open ones. */
  standstills: Standstill[]
}

/** A service must report a queue that stands still for so long: the product's own limit. */
const limitMs = 15_000
/** Both sides notice later: a service reads its queues every 5 s and is read every second or two. */
const noticeMs = 8_000

interface Open extends Standstill {
  position: string
  unreportedSince: Date | undefined
}

const isInstanceOf = (instance: string, service: string) => instance === service || instance.startsWith(`${service} `)

/** The state that an instance reports for a queue; undefined if it is ready and reports none. */
const reportedState = (instance: string, { status, degraded = {} }: Readiness, { name }: Queue): string | undefined => {
  if (status === 'unavailable') return `${instance} unavailable`
  return degraded[name] && `${instance} degraded`
}

/** Finds standstills in successive observations. */
export const createStandstills = () => {
  const open = new Map<string, Open>()
  const known = new Map<string, Queue>()
  const over: Standstill[] = []
  let observed = 0

  const end = (name: string) => {
    const one = open.get(name)
    if (!one) return
    const { position: _, unreportedSince: __, ...standstill } = one
    over.push(standstill)
    open.delete(name)
  }

  const follow = (queue: Queue, at: Date) => {
    known.set(queue.name, queue)
    const before = open.get(queue.name)
    if (queue.waiting === 0 || before?.position !== queue.position) end(queue.name)
    if (queue.waiting === 0 || open.has(queue.name)) return
    open.set(queue.name, {
      ...{ queue: queue.name, from: at, forMs: 0, unreportedMs: 0, unreportedBy: [], reports: [] },
      ...{ position: queue.position, unreportedSince: undefined },
    })
  }

  const update = (one: Open, { at, instances }: Observation) => {
    const queue = known.get(one.queue)
    if (!queue) return
    one.forMs = at.getTime() - one.from.getTime()
    const own = [...instances].filter(([instance]) => isInstanceOf(instance, queue.service))
    const reports = own.map(([instance, readiness]) => ({ instance, text: reportedState(instance, readiness, queue) }))
    one.reports = [...new Set([...one.reports, ...reports.flatMap(({ text }) => text ?? [])])]
    const ready = reports.filter(({ text }) => text === undefined).map(({ instance }) => instance)
    one.unreportedSince = ready.length > 0 ? (one.unreportedSince ?? at) : undefined
    if (!one.unreportedSince) return
    const unreportedMs = at.getTime() - one.unreportedSince.getTime()
    if (unreportedMs < one.unreportedMs) return
    one.unreportedMs = unreportedMs
    one.unreportedBy = ready
  }

  return {
    observe(observation: Observation) {
      for (const queue of observation.queues) follow(queue, observation.at)
      for (const one of open.values()) {
        observed += 1
        update(one, observation)
      }
    },
    found: (): Progress => ({
      observed,
      standstills: [...over, ...[...open.values()].map(({ position: _, unreportedSince: __, ...one }) => one)],
    }),
  }
}

const seconds = (ms: number) => `${(ms / 1_000).toFixed(1)} s`

const toText = ({ queue, from, forMs, unreportedMs, unreportedBy }: Standstill) =>
  `${queue} stood still for ${seconds(forMs)} from ${from.toISOString()} on; ${unreportedBy.join(' and ')} was ready and did not report it for ${seconds(unreportedMs)}`

/** Claims that no queue stands still for long while its service is ready and does not report it. */
export const toFinding = ({ observed, standstills }: Progress): Finding => ({
  claim: 'no observed queue stood still for 15 s while its service was ready and did not report it',
  checked: observed,
  violations: standstills.filter(({ unreportedMs }) => unreportedMs > limitMs + noticeMs).map(toText),
  isTimed: true,
})

/** The longest standstill, and the states that instances reported. */
export const longestStandstill = (standstills: Standstill[]): string => {
  const [longest] = standstills.toSorted((one, other) => other.forMs - one.forMs)
  if (!longest) return 'nothing stood still'
  const { queue, forMs, unreportedMs, reports } = longest
  const unreported = `for ${seconds(unreportedMs)} of it a ready service did not report it`
  return `the longest standstill was of ${queue}, ${seconds(forMs)}; ${unreported}; reported: ${reports.join(', ') || 'nothing'}`
}
