import type { Finding } from '../checks/finding.ts'

/** Something that waits to be worked on: rows of the outbox, or messages of a consumer. */
export interface Queue {
  name: string
  /** Service whose instances work on it. */
  service: string
  /** Words of which one is in what `/readyz` says of it. */
  words: string[]
  /** How many wait. */
  waiting: number
  /** How far it is: another one than before where something moved. */
  position: string
}

/** What `/readyz` of one instance answered. */
export interface Readiness {
  status: 'ok' | 'degraded' | 'unavailable'
  /** Of a degraded one: what does not move, with a sentence. */
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
  /** For how long of this, without a break, an instance was ready and did not say so. */
  silentMs: number
  /** Who was silent. */
  silent: string[]
  /** What was said about it. */
  told: string[]
}

export interface Progress {
  /** How many looks there were at something that waited. */
  judged: number
  /** All of them, also those that are not over. */
  standstills: Standstill[]
}

/** For how long a queue may stand still before its service must say so: the product counts as long itself. */
const limitMs = 15_000
/** Until both sides have noticed: a service asks the broker every 5 s, and is asked itself every second or two. */
const noticeMs = 8_000

interface Open extends Standstill {
  position: string
  silentSince: Date | undefined
}

const nameInstance = (instance: string, service: string) => instance === service || instance.startsWith(`${service} `)

/** What an instance says of a queue: undefined where it is ready and says nothing. */
const saysOf = (instance: string, { status, degraded = {} }: Readiness, { words }: Queue): string | undefined => {
  if (status === 'unavailable') return `${instance}: unavailable`
  const sentences = Object.entries(degraded).map(([name, sentence]) => `${name}: ${sentence}`)
  const found = sentences.find((sentence) => words.some((word) => sentence.includes(word)))
  return found && `${instance}: ${found.replaceAll(/\d+/g, 'N')}`
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
    const { position: _, silentSince: __, ...standstill } = one
    over.push(standstill)
    open.delete(name)
  }

  const follow = (queue: Queue, at: Date) => {
    known.set(queue.name, queue)
    const before = open.get(queue.name)
    if (queue.waiting === 0 || before?.position !== queue.position) end(queue.name)
    if (queue.waiting === 0 || open.has(queue.name)) return
    open.set(queue.name, {
      ...{ queue: queue.name, from: at, forMs: 0, silentMs: 0, silent: [], told: [] },
      ...{ position: queue.position, silentSince: undefined },
    })
  }

  const listen = (one: Open, { at, instances }: Look) => {
    const queue = known.get(one.queue)
    if (!queue) return
    one.forMs = at.getTime() - one.from.getTime()
    const own = [...instances].filter(([instance]) => nameInstance(instance, queue.service))
    const says = own.map(([instance, readiness]) => ({ instance, text: saysOf(instance, readiness, queue) }))
    one.told = [...new Set([...one.told, ...says.flatMap(({ text }) => text ?? [])])]
    const silent = says.filter(({ text }) => text === undefined).map(({ instance }) => instance)
    one.silentSince = silent.length > 0 ? (one.silentSince ?? at) : undefined
    if (!one.silentSince) return
    const silentMs = at.getTime() - one.silentSince.getTime()
    if (silentMs < one.silentMs) return
    one.silentMs = silentMs
    one.silent = silent
  }

  return {
    look(look: Look) {
      for (const queue of look.queues) follow(queue, look.at)
      for (const one of open.values()) {
        judged += 1
        listen(one, look)
      }
    },
    found: (): Progress => ({
      judged,
      standstills: [...over, ...[...open.values()].map(({ position: _, silentSince: __, ...one }) => one)],
    }),
  }
}

const seconds = (ms: number) => `${(ms / 1_000).toFixed(1)} s`

const toText = ({ queue, from, forMs, silentMs, silent }: Standstill) =>
  `${queue} stood still for ${seconds(forMs)} from ${from.toISOString()} on; ${silent.join(' and ')} was ready and did not report it for ${seconds(silentMs)}`

/** Nothing that waits stands still for long while its service is ready and does not say so. */
export const toFinding = ({ judged, standstills }: Progress): Finding => ({
  what: 'looks at queues found none that stood still for 15 s while its service was ready and did not report it',
  proven: judged,
  faults: standstills.filter(({ silentMs }) => silentMs > limitMs + noticeMs).map(toText),
})

/** The longest standstill of all, and what was said about it. */
export const longestStandstill = (standstills: Standstill[]): string => {
  const [longest] = standstills.toSorted((one, other) => other.forMs - one.forMs)
  if (!longest) return 'nothing stood still'
  const { queue, forMs, silentMs, told } = longest
  const silence = `for ${seconds(silentMs)} of it a ready service did not report it`
  return `the longest standstill was of ${queue}, ${seconds(forMs)}; ${silence}; reported: ${told.join('; ') || 'nothing'}`
}
