import type { Teardown } from '@rekey/test-support/infrastructure'
import { type Contestant, startContestant } from './contestant.ts'
import type { Load } from './load.ts'
import type { HostPlan } from './protocol.ts'
import type { Samples, Spread } from './rounds.ts'

/** Bound of a figure. */
export type Goal = { atMost: number } | { atLeast: number }

export interface Figure {
  name: string
  /** Title in the report, a noun phrase. */
  what: string
  goal: Goal
}

/** Figures that are measured together. */
export interface Group {
  name: string
  what: string
  figures: readonly Figure[]
  /** Takes minutes: `--quick` leaves it out. */
  long?: boolean
  /** The option without which it cannot be measured. */
  wants?: '--against DIR'
  run(bench: Bench): Promise<Measured>
}

export interface Measured {
  /** Samples that the report prints. */
  contests?: { title: string; samples: Samples }[]
  /** By the figure's name. A figure that could not be measured is absent. */
  figures: Record<string, Spread | undefined>
}

export interface Bench {
  load: Load
  quick: boolean
  rounds: number
  /** Folder of a checkout to compare with. */
  against: string | undefined
  /** Starts a contestant, or returns it if it runs. It runs until the end of the bench. */
  contestant(name: string, plan: HostPlan): Promise<Contestant>
  /** Starts a contestant that ends with the group. */
  ownContestant(name: string, plan: HostPlan): Promise<Contestant>
  /** Called when the group ends. */
  teardown: Teardown['teardown']
  /** Prints a line at once. */
  say(line: string): void
  /** Keeps why a round does not count. */
  voided(reason: string): void
  /** Keeps what could not be measured, and why. */
  leftOut(what: string): void
}

export const createContestants = (t: Teardown) => {
  const running = new Map<string, Promise<Contestant>>()
  return (name: string, plan: HostPlan) => {
    const known = running.get(name) ?? startContestant(t, name, plan)
    running.set(name, known)
    return known
  }
}

export const holds = ({ value }: Spread, goal: Goal) =>
  'atMost' in goal ? value <= goal.atMost : value >= goal.atLeast

export const describeGoal = (goal: Goal) => ('atMost' in goal ? `≤ ${goal.atMost}` : `≥ ${goal.atLeast}`)
