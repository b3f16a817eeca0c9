import fc from 'fast-check'
import type { Failure, FailureKind, Target } from './schedule.ts'

/** Failures that outlast the product's own time-outs and retries. */
export const longFailures = ['long pause', 'drop'] as const satisfies FailureKind[]

/** Durations in ms; two of three are short. */
interface Lengths {
  shortMs: { min: number; max: number }
  middleMs: number
  longestMs: number
}

/** 3 to 65 s in five minutes; less in a shorter run, so that it has several too. */
export const longLengths = (runMs: number): Lengths => {
  const longestMs = Math.min(65_000, Math.round(runMs / 4.5))
  const middleMs = Math.min(15_000, Math.round(longestMs / 2))
  return { shortMs: { min: Math.min(3_000, middleMs), max: Math.min(8_000, middleMs) }, middleMs, longestMs }
}

/** Pause between two of a kind, in ms: without time to work the run would prove nothing. */
const gapMs = ({ middleMs }: Lengths) => ({ min: Math.round(middleMs / 5), max: Math.round(middleMs * 0.8) })

interface Planned {
  target: Target
  gapMs: number
  forMs: number
}

const drawn = (targets: Target[], lengths: Lengths) =>
  fc.noBias(
    fc.record({
      order: fc.shuffledSubarray(targets, { minLength: targets.length }),
      chances: fc.array(
        fc.record({
          gap: fc.integer(gapMs(lengths)),
          shortMs: fc.integer(lengths.shortMs),
          position: fc.double({ min: 0, max: 1, noNaN: true }),
        }),
        { minLength: targets.length, maxLength: targets.length },
      ),
    }),
  )

interface Plan {
  seed: number
  targets: readonly Target[]
  lengthMs: number
}

const lane = (kind: (typeof longFailures)[number], { seed, targets, lengthMs }: Plan): Failure[] => {
  const lengths = longLengths(lengthMs)
  const own = targets.filter(({ kinds }) => kinds.includes(kind))
  if (own.length === 0) return []
  const numRuns = Math.ceil(lengthMs / (own.length * (gapMs(lengths).min + lengths.shortMs.min))) + 1
  const rounds = fc.sample(drawn(own, lengths), { seed, numRuns })
  const all = rounds.flatMap(({ order, chances }) =>
    chances.map(({ gap, ...chance }, index) => ({ target: order[index] as Target, gapMs: gap, ...chance })),
  )
  const flagged = all.slice(0, own.length).filter(({ target }) => target.hasLongest)
  const longest = flagged.length > 0 ? flagged : all.slice(0, 1)
  const others = all.filter((one) => !longest.includes(one))

  let leftMs = lengthMs - longest.reduce((sum, one) => sum + one.gapMs + lengths.longestMs, 0)
  const planned: Planned[] = []
  for (const [index, { target, gapMs, shortMs }] of others.entries()) {
    const forMs = index % 3 === 1 ? lengths.middleMs : shortMs
    leftMs -= gapMs + forMs
    if (leftMs < 0) break
    planned.push({ target, gapMs, forMs })
  }
  for (const { target, gapMs, position } of longest)
    planned.splice(Math.round(position * planned.length), 0, { target, gapMs, forMs: lengths.longestMs })

  let endsMs = 0
  return planned.map(({ target, gapMs, forMs }) => {
    const atMs = endsMs + gapMs
    endsMs = atMs + forMs
    return { atMs, target: target.name, kind, forMs, delayMs: 0 }
  })
}

/**
 * Plans the long failures, the same for the same seed: pauses of processes one after the other, and in parallel drops on
 * links one after the other. The longest comes once to each target with `hasLongest`, and to one link.
 */
export const makeLongFailures = (plan: Plan): Failure[] => longFailures.flatMap((kind) => lane(kind, plan))
