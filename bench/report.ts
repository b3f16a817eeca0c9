import { median } from 'simple-statistics'
import { describeGoal, type Figure, holds } from './harness/bench.ts'
import type { Sample, Samples, Spread } from './harness/rounds.ts'

const digits = (value: number) => (value >= 100 ? value.toFixed(0) : value >= 10 ? value.toFixed(1) : value.toFixed(2))

export const describeSpread = ({ value, min, max }: Spread) =>
  max === 0 ? '–' : `${digits(value)} (${digits(min)}–${digits(max)})`

const medianOf = (samples: Sample[], value: (sample: Sample) => number) => ({
  value: median(samples.map(value)),
  min: Math.min(...samples.map(value)),
  max: Math.max(...samples.map(value)),
})

const columns = ['requests/s', 'p50 ms', 'p99 ms', 'µs of all parts'] as const

/** One line a contestant: medians with the least and the greatest round. */
export const contestLines = (title: string, samples: Samples): string[] => {
  const rows = [...samples].map(([name, rounds]) => {
    const valid = rounds.filter((sample) => sample !== undefined)
    if (valid.length === 0) return [name, 'no valid round', '', '', '', '']
    const parts = [...new Set(valid.flatMap(({ parts }) => [...parts.keys()]))].map((part) => {
      const value = median(valid.map((sample) => sample.parts.get(part) ?? 0))
      return `${part} ${Math.round(value)}`
    })
    const cells = [
      medianOf(valid, ({ perSecond }) => perSecond),
      medianOf(valid, ({ p50Ms }) => p50Ms),
      medianOf(valid, ({ p99Ms }) => p99Ms),
      medianOf(valid, ({ micros }) => micros),
    ]
    return [name, ...cells.map(describeSpread), parts.join(', ')]
  })
  const head = [title, ...columns, 'of which']
  const widths = head.map((_, column) => Math.max(...[head, ...rows].map((row) => row[column]?.length ?? 0)))
  return [head, ...rows].map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd(),
  )
}

export const figureLine = ({ name, what, goal }: Figure, spread: Spread | undefined) => {
  const verdict = spread === undefined ? 'not measured' : holds(spread, goal) ? 'holds' : 'MISSED'
  const value = spread ? describeSpread(spread) : '–'
  return `${name.padEnd(24)} ${value.padEnd(22)} goal ${describeGoal(goal).padEnd(8)} ${verdict.padEnd(12)} ${what}`
}
