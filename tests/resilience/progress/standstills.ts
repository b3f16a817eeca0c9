import type { Finding } from '../checks/finding.ts'

/** Something that waits to be worked on: rows of the outbox, or messages of a consumer. */
export interface Queue {
  /** Also what `/readyz` calls it in `degraded`. */
  name: string
  /** Service whose instances work on it. */
  service: string
  /** How many wait. */
  waiting: number
  /** How far it is: another one than before where something moved. */
  position: string
}

/** The answer of one instance's `/readyz`. */
export interface Readiness {
  status: 'ok' | 'degraded' | 'unavailable'
  /** Parts that do not move, each with a sentence, if the instance is degraded. */
  degraded?: Record<string, string>
}

/** One look at a system. */
export interface Look {
  at: Date
  /** By the instance's name. */
  instances: Map<string, Readiness>
  /** Those that could be read: what is not among them may stand as before. */
  queues: Queue[]
}

/** Something waited, and nothing moved. */
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
  /** How many looks there were at something that waited. */
  judged: number
  /** All of them, also those that are not over. */
  standstills: Standstill[]
}

/** For how long a queue may stand still before its service must report it: the product counts as long itself. */
const limitMs = 15_000
/** A service reads its queues every 5 s and is read itself every second or two: both notice that much later. */
const noticeMs = 8_000

interface Open extends Standstill {
  position: string
  unreportedSince: Date | undefined
}

const isInstanceOf = (instance: string, service: string) => instance === service || instance.startsWith(`${service} `)

/** An instance's report on a queue; undefined if it is ready and reports nothing. */
const reportOf = (instance: string, { status, degraded = {} }: Readiness, { name }: Queue): string | undefined => {
  if (status === 'unavailable') return `${instance} unavailable`
  return degraded[name] && `${instance} degraded`
}

/** Finds standstills in looks that come one after the other. */
export const createStandstills = () => {
  const open = new Map<string, Open>()
  const known = new Map<string, Queue>()
  const over: Standstill[] = []
  let judged = 0

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

  const judge = (one: Open, { at, instances }: Look) => {
    const queue = known.get(one.queue)
    if (!queue) return
    one.forMs = at.getTime() - one.from.getTime()
    const own = [...instances].filter(([instance]) => isInstanceOf(instance, queue.service))
    const reports = own.map(([instance, readiness]) => ({ instance, text: reportOf(instance, readiness, queue) }))
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
    look(look: Look) {
      for (const queue of look.queues) follow(queue, look.at)
      for (const one of open.values()) {
        judged += 1
        judge(one, look)
      }
    },
    found: (): Progress => ({
      judged,
      standstills: [...over, ...[...open.values()].map(({ position: _, unreportedSince: __, ...one }) => one)],
    }),
  }
}

const seconds = (ms: number) => `${(ms / 1_000).toFixed(1)} s`

const toText = ({ queue, from, forMs, unreportedMs, unreportedBy }: Standstill) =>
  `${queue} stood still for ${seconds(forMs)} from ${from.toISOString()} on; ${unreportedBy.join(' and ')} was ready and did not report it for ${seconds(unreportedMs)}`

/** Nothing that waits stands still for long while its service is ready and does not say so. */
export const toFinding = ({ judged, standstills }: Progress): Finding => ({
  what: 'looks at queues found none that stood still for 15 s while its service was ready and did not report it',
  proven: judged,
  faults: standstills.filter(({ unreportedMs }) => unreportedMs > limitMs + noticeMs).map(toText),
  isTimed: true,
})

/** The longest standstill of all, and what was reported. */
export const longestStandstill = (standstills: Standstill[]): string => {
  const [longest] = standstills.toSorted((one, other) => other.forMs - one.forMs)
  if (!longest) return 'nothing stood still'
  const { queue, forMs, unreportedMs, reports } = longest
  const silence = `for ${seconds(unreportedMs)} of it a ready service did not report it`
  return `the longest standstill was of ${queue}, ${seconds(forMs)}; ${silence}; reported: ${reports.join(', ') || 'nothing'}`
}
