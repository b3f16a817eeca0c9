import { holds } from './checks/finding.ts'
import type { Status } from './client-log.ts'
import type { PhaseResult } from './phase.ts'
import { linkFailures, processFailures } from './schedule.ts'

type Cell = string | number

const table = (head: string, columns: readonly Cell[], rows: [name: string, cells: Cell[]][]): string => {
  const width = Math.max(head.length, ...rows.map(([name]) => name.length)) + 2
  const line = (name: string, cells: readonly Cell[]) =>
    [name.padEnd(width), ...cells.map((cell) => String(cell).padStart(11))].join('').trimEnd()
  return [line(head, columns), ...rows.map(([name, cells]) => line(name, cells))].join('\n')
}

const failureKinds = [...processFailures, ...linkFailures]

const failureTable = (phases: PhaseResult[]): string => {
  const targets = new Set(phases.flatMap(({ failures }) => [...failures.keys()]))
  const count = (target: string, kind: (typeof failureKinds)[number]) =>
    phases.reduce((sum, { failures }) => sum + (failures.get(target)?.get(kind) ?? 0), 0)
  const rows = [...targets]
    .toSorted()
    .map((target): [string, Cell[]] => [target, failureKinds.map((kind) => count(target, kind) || '')])
  const totals = failureKinds.map((kind) => [...targets].reduce((sum, target) => sum + count(target, kind), 0))
  return table('failures', failureKinds, [...rows, ['all', totals]])
}

const toText = (status: Status) => (status === undefined ? 'no answer' : String(status))

const requestTable = (phases: PhaseResult[]): string => {
  const all = phases.flatMap(({ requests }) => [...requests].map(([step, outcomes]) => ({ step, outcomes })))
  const steps = [...new Set(all.map(({ step }) => step))].toSorted()
  const statuses = [...new Set(all.flatMap(({ outcomes }) => [...outcomes.keys()]))].toSorted(
    (one, other) => (one ?? Number.POSITIVE_INFINITY) - (other ?? Number.POSITIVE_INFINITY),
  )
  const count = (wanted: string, status: Status) =>
    all.reduce((sum, { step, outcomes }) => sum + (step === wanted ? (outcomes.get(status) ?? 0) : 0), 0)
  const rows = steps.map((step): [string, Cell[]] => [step, statuses.map((status) => count(step, status) || '')])
  const totals = statuses.map((status) => steps.reduce((sum, step) => sum + count(step, status), 0))
  return table('requests', statuses.map(toText), [...rows, ['all', totals]])
}

const sum = (counts: Record<string, number>[]): string => {
  const names = [...new Set(counts.flatMap((each) => Object.keys(each)))]
  const texts = names.map((name) => `${counts.reduce((all, each) => all + (each[name] ?? 0), 0)} ${name}`)
  return texts.length > 0 ? ` (${texts.join(', ')})` : ''
}

const findingLines = (phases: PhaseResult[]): string =>
  (phases[0]?.findings ?? [])
    .map(({ claim }) => {
      const found = phases.flatMap(({ findings }) => findings.filter((finding) => finding.claim === claim))
      const violations = found.flatMap((finding) => finding.violations)
      const checked = found.reduce((sum, finding) => sum + finding.checked, 0)
      const breakdown = sum(found.map((finding) => finding.breakdown ?? {}))
      const shown = violations.slice(0, 10).map((violation) => `         ${violation}`)
      const more = violations.length > shown.length ? [`         and ${violations.length - shown.length} more`] : []
      return [
        `${found.every(holds) ? 'ok    ' : 'FAILED'} ${String(checked).padStart(7)} ${claim}${breakdown}`,
        ...shown,
        ...more,
      ].join('\n')
    })
    .join('\n')

export const hasFailed = (phases: PhaseResult[]): boolean => phases.some(({ findings }) => !findings.every(holds))

const toSummary = ({
  brokers,
  recovery,
  repeatedMessages,
  slowestCodeMs,
  prefilled: { customers, records, outboxRows, correlation },
  longestStandstill,
}: PhaseResult): string => {
  const after = (ms: number | undefined) => (ms === undefined ? 'too late' : `after ${ms} ms`)
  const { readyAfterMs, servedAfterMs, afterMs, limitMs } = recovery
  return (
    `${brokers === 1 ? 'one NATS server' : `${brokers} NATS servers`}: all ready ${after(readyAfterMs)}, a new customer ` +
    `served ${after(servedAfterMs)} of ${limitMs}, the next within ${afterMs} ms; ${repeatedMessages} messages came twice, with the same Message-ID; ` +
    `the slowest code came after ${slowestCodeMs} ms\n` +
    `  before the run there were ${customers} customers, ${records} records of histories and ${outboxRows} rows of the ` +
    `outbox (correlation ${correlation.toFixed(3)})\n  ${longestStandstill}`
  )
}

/** The run in counts: injected failures, requests, checks. */
export const summarize = (phases: PhaseResult[]): string =>
  [failureTable(phases), requestTable(phases), findingLines(phases), phases.map(toSummary).join('\n')].join('\n\n')
