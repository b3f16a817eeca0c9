import { spawnSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { availableParallelism, cpus, release, totalmem } from 'node:os'
import { join } from 'node:path'
import { postgresBinaries } from '@rekey/local-servers/postgres-binaries'
import { type Figure, holds } from './harness/bench.ts'
import type { Spread } from './harness/rounds.ts'

export const machine = () => ({
  processor: cpus()[0]?.model ?? 'unknown',
  cores: availableParallelism(),
  memoryGiB: Math.round(totalmem() / 1024 ** 3),
  system: `${process.platform} ${release()}`,
})

const firstLine = (command: string, args: string[]) => {
  const { stdout } = spawnSync(command, args, { encoding: 'utf8', cwd: import.meta.dirname })
  return stdout?.trim().split('\n')[0] || undefined
}
const packageVersion = (file: string, name: string) =>
  JSON.parse(readFileSync(join(import.meta.dirname, file), 'utf8')).dependencies[name] as string

/** Versions of what was measured. */
const readVersions = async () => ({
  commit: firstLine('git', ['describe', '--always', '--dirty']),
  node: process.version,
  postgres: firstLine((await postgresBinaries()).postgres, ['--version']),
  redis: firstLine('redis-server', ['--version']),
  nats: firstLine('nats-server', ['--version']),
  betterAuth: packageVersion('peers/better-auth/package.json', 'better-auth'),
})

interface Result {
  figures: readonly Figure[]
  measured: Record<string, Spread | undefined>
  rounds: number
  leftOut: string[]
  voided: string[]
}

export const writeJson = async (file: string, { figures, measured, rounds, leftOut, voided }: Result) => {
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
  const versions = await readVersions()
  writeFileSync(
    file,
    `${JSON.stringify({ machine: machine(), versions, rounds, figures: Object.fromEntries(entries), leftOut, voided }, null, 2)}\n`,
  )
}
