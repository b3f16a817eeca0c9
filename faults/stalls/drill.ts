import { readFileSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'
import { eventually } from '@rekey/testing/eventually'
import { quantileSorted } from 'simple-statistics'
import type { cases, Part } from './parts.ts'
import type { Prober } from './probes.ts'

/** After the end of a stall: what is asked later must be as before. */
const graceMs = 15_000
const probeEveryMs = 500
const probes = 60

export interface Row {
  part: string
  case: string
  /** Log lines after the grace time that report a lost connection, or what failed for one. */
  disconnects: number
  /** Connections that the part was asked for after the grace time: pools open some. */
  connections: number
  /** From the end of the stall to the start of the first probe that was served within a second. */
  servedAfterMs: number
  p90: number
  max: number
}

interface Deps {
  prober: Prober
  logFiles: string[]
}

const linesAfter = (logFiles: string[], time: number, message: RegExp): string[] =>
  logFiles.flatMap((path) =>
    readFileSync(path, 'utf8')
      .split('\n')
      .filter((text) => {
        if (!text.startsWith('{')) return false
        const line = JSON.parse(text) as { time: string | number; msg?: string }
        return new Date(line.time).getTime() >= time && message.test(line.msg ?? '')
      }),
  )

const acceptedBy = ({ links }: Part) => links.reduce((sum, link) => sum + link.accepted, 0)

/** One part stands still in one way, while it is used; then it is watched, with sixty probes. */
export const drill = async (
  part: Part,
  { name, seconds, stall }: (typeof cases)[number],
  watchMs: number,
  { prober, logFiles }: Deps,
): Promise<Row> => {
  await eventually(async () => (await prober.probe(part.probe)).ms < 1_000, { timeoutMs: 60_000, what: part.name })
  const using = new AbortController()
  const used = prober.run(part.probe, probeEveryMs, using.signal)
  const end = stall(part)
  await delay(seconds * 1_000)
  end()
  const endedAt = Date.now()
  await delay(graceMs)
  using.abort()

  const acceptedBefore = acceptedBy(part)
  const watched = await prober.run(part.probe, watchMs / probes, AbortSignal.timeout(watchMs))
  const times = watched.map(({ ms }) => ms).toSorted((a, b) => a - b)
  const isServed = ({ startedAt, ms }: { startedAt: number; ms: number }) => startedAt >= endedAt && ms < 1_000
  const first = [...(await used), ...watched].find(isServed)
  return {
    part: part.name,
    case: name,
    disconnects: linesAfter(logFiles, endedAt + graceMs, part.disconnect).length,
    connections: acceptedBy(part) - acceptedBefore,
    servedAfterMs: first ? first.startedAt - endedAt : Number.POSITIVE_INFINITY,
    p90: Math.round(quantileSorted(times, 0.9)),
    max: times.at(-1) ?? Number.POSITIVE_INFINITY,
  }
}

const columns: [string, (row: Row) => unknown][] = [
  ['part', ({ part }) => part],
  ['case', (row) => row.case],
  ['disconnects', ({ disconnects }) => disconnects],
  ['connections', ({ connections }) => connections],
  ['served after ms', ({ servedAfterMs }) => servedAfterMs],
  ['p90 ms', ({ p90 }) => p90],
  ['max ms', ({ max }) => max],
]

/** The rows as text, a line each. */
export const table = (rows: Row[]): string => {
  const lines = [
    columns.map(([title]) => title),
    ...rows.map((row) => columns.map(([, cell]) => String(cell(row)).replace('Infinity', 'never'))),
  ]
  const widths = columns.map((_, index) => Math.max(...lines.map((line) => line[index]?.length ?? 0)))
  const align = (cell: string, index: number) =>
    index < 2 ? cell.padEnd(widths[index] ?? 0) : cell.padStart(widths[index] ?? 0)
  return lines.map((line) => line.map(align).join('  ')).join('\n')
}
