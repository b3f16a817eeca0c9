import fc from 'fast-check'
import { longFailures } from './long-failures.ts'

export const processFailures = ['kill', 'pause', 'restart', 'long pause'] as const
export const linkFailures = ['delay', 'reset', 'stall', 'black hole', 'drop'] as const
export type FailureKind = (typeof processFailures)[number] | (typeof linkFailures)[number]
type ShortKind = Exclude<FailureKind, (typeof longFailures)[number]>

/** A part or connection that can fail. */
export interface Target {
  name: string
  kinds: readonly FailureKind[]
  /** At most one target of a group fails at a time. */
  group: string
  /** Shortest failure of this target, in ms. */
  leastMs?: number
  /** Time without failures in its group afterwards, in ms. */
  restMs?: number
  /** True if this target gets the longest pause. */
  hasLongest?: boolean
}

export interface Failure {
  /** Start, in ms from the beginning. */
  atMs: number
  target: string
  kind: FailureKind
  forMs: number
  /** For the kind `delay`: added latency, in ms. */
  delayMs: number
}

/**
 * Longest duration beyond the target's shortest, in ms; the shortest may be 0, an immediate end. Half of the stalls last
 * longer than a statement and its rollback may take.
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

const isShort = (kind: FailureKind): kind is ShortKind => !longFailures.some((long) => long === kind)

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
  /** Target by target, all of one kind before the next kind; otherwise the seed determines the order. */
  inOrder?: boolean
  /** Each target has each of its kinds once; otherwise they repeat until the end. */
  once?: boolean
  /** Failures that are planned already: their groups get no other failure meanwhile. */
  planned?: readonly Failure[]
}

/** One card of each target first, then the rest, in the given order. */
const onePerTargetFirst = (cards: Card[]): Card[] => {
  const isFirst = (card: Card, index: number) => cards.findIndex(({ target }) => target === card.target) === index
  return [...cards.filter(isFirst), ...cards.filter((card, index) => !isFirst(card, index))]
}

/**
 * Plans the failures: the same for the same seed, targets and length. Every target has its first failure before any has
 * its second, and every kind before one repeats. All end within the length.
 */
export const makeSchedule = ({
  seed,
  targets,
  lengthMs,
  inOrder = false,
  once = false,
  planned = [],
}: Plan): Failure[] => {
  const kinds = new Set(targets.flatMap((target) => target.kinds).filter(isShort))
  const deck: Card[] = [...kinds].flatMap((kind) =>
    targets.filter((target) => target.kinds.includes(kind)).map((target) => ({ target, kind })),
  )
  const lasts = ({ target: { leastMs = 0 }, kind }: Card, share: number) => leastMs + Math.round(mostMs[kind] * share)
  const rounds = Math.ceil(lengthMs / (deck.length * gapMs.min))
  const failures: Failure[] = []
  const waiting: Card[] = []
  const busyUntilMs = new Map<string, number>()
  const groupOf = new Map(targets.map(({ name, group }) => [name, group]))
  const isFree = ({ target: { group } }: Card, fromMs: number, untilMs: number) =>
    (busyUntilMs.get(group) ?? 0) <= fromMs &&
    !planned.some(
      (failure) =>
        groupOf.get(failure.target) === group &&
        fromMs < failure.atMs + failure.forMs + gapMs.max &&
        failure.atMs < untilMs + gapMs.max,
    )
  let atMs = 0
  for (const { cards, chances } of fc.sample(drawn(deck, inOrder), { seed, numRuns: rounds })) {
    if (waiting.length + failures.length === 0) waiting.push(...onePerTargetFirst(cards))
    else if (!once) waiting.push(...cards)
    for (const { gap, share, delay } of chances) {
      if (once && failures.length === deck.length) return failures
      atMs += gap
      const next = waiting.findIndex(
        (card) => isFree(card, atMs, atMs + lasts(card, share)) && atMs + lasts(card, share) <= lengthMs,
      )
      const [card] = next < 0 ? [] : waiting.splice(next, 1)
      if (!card) continue
      const forMs = lasts(card, share)
      busyUntilMs.set(card.target.group, atMs + forMs + (card.target.restMs ?? gapMs.max))
      failures.push({ atMs, target: card.target.name, kind: card.kind, forMs, delayMs: delay })
    }
  }
  return failures
}
