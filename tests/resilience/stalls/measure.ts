import { readFileSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'
import { eventually } from '@rekey/test-support/eventually'
import { quantileSorted } from 'simple-statistics'
import type { cases, Part } from './parts.ts'
import type { Probe, Prober } from './probes.ts'

/** Time after a stall until requests must be served as before. */
const graceMs = 15_000
const probeEveryMs = 500
const probes = 60
/** Duration of the baseline before each stall. */
const beforeMs = 10_000

export interface Row {
  part: string
  case: string
  /** Log lines of lost connections and their failed requests, until the grace time ended. */
  disconnectsMeanwhile: number
  /** The same after the grace time. */
  disconnects: number
  /** Connections opened to the part after the grace time; pools open some. */
  connections: number
  /** Time from the end of the stall to the start of the first probe that took less than a second. */
  servedAfterMs: number
  /** 90th percentile of the probes before the stall, in ms. */
  p90Before: number
  /** 90th percentile of the sixty probes after the grace time, in ms. Infinity: refused, or timed out. */
  p90: number
  max: number
}

interface Deps {
  prober: Prober
  logFiles: string[]
}

/** Times of the log lines whose message matches. */
const timesOf = (logFiles: string[], message: RegExp): number[] =>
  logFiles.flatMap((path) =>
    readFileSync(path, 'utf8')
      .split('\n')
      // A process that fails to start writes plain text, and the last line may be incomplete.
      .filter((line) => line.startsWith('{') && line.endsWith('}'))
      .map((line) => JSON.parse(line) as { time: string; msg?: string })
      .filter(({ msg = '' }) => message.test(msg))
      .map(({ time }) => Date.parse(time)),
  )

const sortedTimes = (probes: Probe[]) => probes.map(({ ms }) => ms).toSorted((a, b) => a - b)
const p90Of = (times: number[]) => Math.round(quantileSorted(times, 0.9))

const acceptedBy = ({ links }: Part) => links.reduce((sum, link) => sum + link.accepted, 0)

/** Stalls one part while it is used, then measures sixty probes. */
export const stallAndMeasure = async (
  part: Part,
  { name, seconds, stall }: (typeof cases)[number],
  watchMs: number,
  { prober, logFiles }: Deps,
): Promise<Row> => {
  await eventually(async () => (await prober.probe(part.probe)).ms < 1_000, { timeoutMs: 60_000, what: part.name })
  const before = await prober.run(part.probe, probeEveryMs, AbortSignal.timeout(beforeMs))
  const using = new AbortController()
  const used = prober.run(part.probe, probeEveryMs, using.signal)
  const beganAt = Date.now()
  const end = stall(part)
  await delay(seconds * 1_000)
  end()
  const endedAt = Date.now()
  await delay(graceMs)
  using.abort()

  const acceptedBefore = acceptedBy(part)
  const watched = await prober.run(part.probe, watchMs / probes, AbortSignal.timeout(watchMs))
  const times = sortedTimes(watched)
  const isServed = ({ startedAt, ms }: Probe) => startedAt >= endedAt && ms < 1_000
  const first = [...(await used), ...watched].find(isServed)
  const disconnects = timesOf(logFiles, part.disconnect)
  return {
    part: part.name,
    case: name,
    disconnectsMeanwhile: disconnects.filter((time) => time >= beganAt && time < endedAt + graceMs).length,
    disconnects: disconnects.filter((time) => time >= endedAt + graceMs).length,
    connections: acceptedBy(part) - acceptedBefore,
    servedAfterMs: first ? first.startedAt - endedAt : Number.POSITIVE_INFINITY,
    p90Before: p90Of(sortedTimes(before)),
    p90: p90Of(times),
    max: times.at(-1) ?? Number.POSITIVE_INFINITY,
  }
}

const columns: [string, (row: Row) => unknown][] = [
  ['part', ({ part }) => part],
  ['case', (row) => row.case],
  ['meanwhile', ({ disconnectsMeanwhile }) => disconnectsMeanwhile],
  ['disconnects', ({ disconnects }) => disconnects],
  ['connections', ({ connections }) => connections],
  ['served after', ({ servedAfterMs }) => servedAfterMs],
  ['p90 before', ({ p90Before }) => p90Before],
  ['p90', ({ p90 }) => p90],
  ['max', ({ max }) => max],
]

/** The rows as text, a line each. */
export const table = (rows: Row[]): string => {
  const lines = [
    columns.map(([title]) => title),
    ...rows.map((row) => columns.map(([, cell]) => String(cell(row)).replace('Infinity', 'late'))),
  ]
  const widths = columns.map((_, index) => Math.max(...lines.map((line) => line[index]?.length ?? 0)))
  const align = (cell: string, index: number) =>
    index < 2 ? cell.padEnd(widths[index] ?? 0) : cell.padStart(widths[index] ?? 0)
  return lines.map((line) => line.map(align).join('  ')).join('\n')
}
