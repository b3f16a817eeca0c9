import { writeFileSync } from 'node:fs'
import { availableParallelism, cpus, release, totalmem } from 'node:os'
import { type Figure, holds } from './harness/bench.ts'
import type { Spread } from './harness/rounds.ts'

export const machine = () => ({
  processor: cpus()[0]?.model ?? 'unknown',
  cores: availableParallelism(),
  memoryGiB: Math.round(totalmem() / 1024 ** 3),
  system: `${process.platform} ${release()}`,
})

interface Result {
  figures: readonly Figure[]
  measured: Record<string, Spread | undefined>
  rounds: number
  leftOut: string[]
  voided: string[]
}

export const writeJson = (file: string, { figures, measured, rounds, leftOut, voided }: Result) => {
  const entries = figures.map(({ name, what, goal }) => {
    const spread = measured[name]
    return [
      name,
      {
        value: spread?.value ?? null,
        min: spread?.min,
        max: spread?.max,
        goal,
        holds: spread ? holds(spread, goal) : null,
        what,
      },
    ]
  })
  const versions = { node: process.version }
  writeFileSync(
    file,
    `${JSON.stringify({ machine: machine(), versions, rounds, figures: Object.fromEntries(entries), leftOut, voided }, null, 2)}\n`,
  )
}
