import fc from 'fast-check'
import { longFaults } from './long-faults.ts'

export const processFaults = ['kill', 'pause', 'restart', 'long pause'] as const
export const linkFaults = ['delay', 'reset', 'stall', 'black hole', 'drop'] as const
export type FaultKind = (typeof processFaults)[number] | (typeof linkFaults)[number]
type ShortKind = Exclude<FaultKind, (typeof longFaults)[number]>

/** Something that faults are done to. */
export interface Target {
  name: string
  kinds: readonly FaultKind[]
  /** Of one group at most one is at fault at a time. */
  group: string
  /** How long a fault of it lasts at least, in ms. */
  leastMs?: number
  /** How long its group is left alone after it, in ms. */
  restMs?: number
  /** True if one of its long pauses is to be the longest. */
  hasLongest?: boolean
}

export interface Fault {
  /** From the beginning, in ms. */
  atMs: number
  target: string
  kind: FaultKind
  forMs: number
  /** Of a delay: how much longer each piece of data takes, in ms. */
  delayMs: number
}

/**
 * How long it lasts at most, beyond the least, in ms; at least 0, which is one that is over at once. Half of what is
 * stalled is so for longer than a statement and its undoing are waited for.
 */
const mostMs: Record<ShortKind, number> = {
  kill: 3_000,
  pause: 4_000,
  restart: 2_000,
  delay: 4_000,
  reset: 1_500,
  stall: 6_000,
  'black hole': 4_000,
}
const gapMs = { min: 200, max: 1_400 }
const delayMs = { min: 20, max: 200 }

interface Card {
  target: Target
  kind: ShortKind
}

const isShort = (kind: FaultKind): kind is ShortKind => !longFaults.some((long) => long === kind)

const drawn = (cards: Card[], inOrder: boolean) =>
  fc.noBias(
    fc.record({
      cards: inOrder ? fc.constant(cards) : fc.shuffledSubarray(cards, { minLength: cards.length }),
      chances: fc.array(
        fc.record({
          gap: fc.integer(gapMs),
          share: fc.double({ min: 0, max: 1, noNaN: true }),
          delay: fc.integer(delayMs),
        }),
        { minLength: cards.length, maxLength: cards.length },
      ),
    }),
  )

interface Plan {
  seed: number
  targets: readonly Target[]
  lengthMs: number
  /** Target by target, all of one kind before the next kind; else in an order that the seed decides. */
  inOrder?: boolean
  /** Faults that are planned already: their groups are left alone meanwhile. */
  beside?: readonly Fault[]
}

/** One card of each target before the second of any, else in their order. */
const onePerTargetFirst = (cards: Card[]): Card[] => {
  const isFirst = (card: Card, index: number) => cards.findIndex(({ target }) => target === card.target) === index
  return [...cards.filter(isFirst), ...cards.filter((card, index) => !isFirst(card, index))]
}

/**
 * Which faults come when: the same for the same seed, targets and length. Every target has its first before any has its
 * second; of the kinds what did not come yet comes before what did. All of them are over at the end.
 */
export const makeSchedule = ({ seed, targets, lengthMs, inOrder = false, beside = [] }: Plan): Fault[] => {
  const kinds = new Set(targets.flatMap((target) => target.kinds).filter(isShort))
  const deck: Card[] = [...kinds].flatMap((kind) =>
    targets.filter((target) => target.kinds.includes(kind)).map((target) => ({ target, kind })),
  )
  const lasts = ({ target: { leastMs = 0 }, kind }: Card, share: number) => leastMs + Math.round(mostMs[kind] * share)
  const rounds = Math.ceil(lengthMs / (deck.length * gapMs.min))
  const faults: Fault[] = []
  const waiting: Card[] = []
  const busyUntilMs = new Map<string, number>()
  const groupOf = new Map(targets.map(({ name, group }) => [name, group]))
  const isFree = ({ target: { group } }: Card, fromMs: number, untilMs: number) =>
    (busyUntilMs.get(group) ?? 0) <= fromMs &&
    !beside.some(
      (fault) =>
        groupOf.get(fault.target) === group &&
        fromMs < fault.atMs + fault.forMs + gapMs.max &&
        fault.atMs < untilMs + gapMs.max,
    )
  let atMs = 0
  for (const { cards, chances } of fc.sample(drawn(deck, inOrder), { seed, numRuns: rounds })) {
    waiting.push(...(waiting.length + faults.length === 0 ? onePerTargetFirst(cards) : cards))
    for (const { gap, share, delay } of chances) {
      atMs += gap
      const next = waiting.findIndex(
        (card) => isFree(card, atMs, atMs + lasts(card, share)) && atMs + lasts(card, share) <= lengthMs,
      )
      const [card] = next < 0 ? [] : waiting.splice(next, 1)
      if (!card) continue
      const forMs = lasts(card, share)
      busyUntilMs.set(card.target.group, atMs + forMs + (card.target.restMs ?? gapMs.max))
      faults.push({ atMs, target: card.target.name, kind: card.kind, forMs, delayMs: delay })
    }
  }
  return faults
}
