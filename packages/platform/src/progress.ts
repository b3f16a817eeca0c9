import { gauge, type Metrics } from './metrics.ts'

/** A loop, consumer or queue reports its progress by this. Both calls are cheap: make them in every round. */
export interface ProgressReport {
  /** Number of items that wait. A stall is measured from the time when the first item arrives. */
  waiting(count: number): void
  /** At least one item was finished: restarts the measurement. */
  moved(): void
}

export interface Progress {
  /** Registers a part by its name in /readyz and metrics. An equal name returns the same part. */
  watch(name: string): ProgressReport
  /** Reports that a part does not work as it must, in a sentence for the operator, until it is called with undefined. */
  report(name: string, problem: string | undefined): void
  /** Parts in which items wait and none was finished for 15 s, and reported ones, each with a sentence for the operator. */
  degraded(): Record<string, string>
}

interface Deps {
  /** Milliseconds from any one moment on, never back. */
  elapsedMs(): number
  metrics: Metrics
}

interface Part {
  waiting: number
  /** When an item was last finished, or when the first waiting item arrived if that is later. */
  movedAtMs: number
}

/** Longer than a healthy part needs between two items: a redelivery after a crash takes 10 s, a slow mail host a few. */
const stalledAfterMs = 15_000

/** Detects parts of a service that have work but make no progress although stores and broker answer. */
export const createProgress = ({ elapsedMs, metrics }: Deps): Progress => {
  const parts = new Map<string, Part>()
  const problems = new Map<string, string>()
  const stalledMs = ({ waiting, movedAtMs }: Part) => (waiting > 0 ? elapsedMs() - movedAtMs : 0)

  const addGauge = (name: string, help: string, read: (part: Part) => number) =>
    gauge(metrics, {
      name,
      help,
      labels: { part: 'parts of the service' },
      collect() {
        for (const [name, part] of parts) this.set({ part: name }, read(part))
      },
    })
  addGauge(
    'rekey_progress_waiting',
    'Items that wait in a part, such as `consumer notifier-notify-code` or `background publisher`',
    ({ waiting }) => waiting,
  )
  addGauge(
    'rekey_progress_stalled_seconds',
    'Time since a part with waiting items finished one; 0 if none wait. From 15 on the part is in `degraded` of /readyz',
    (part) => stalledMs(part) / 1_000,
  )

  return {
    watch(name) {
      const part = parts.get(name) ?? { waiting: 0, movedAtMs: elapsedMs() }
      parts.set(name, part)
      return {
        waiting(count) {
          if (part.waiting === 0 && count > 0) part.movedAtMs = elapsedMs()
          part.waiting = count
        },
        moved() {
          part.movedAtMs = elapsedMs()
        },
      }
    },
    report(name, problem) {
      if (problem === undefined) problems.delete(name)
      else problems.set(name, problem)
    },
    degraded() {
      const stalled = [...parts].filter(([, part]) => stalledMs(part) >= stalledAfterMs)
      return Object.fromEntries([
        ...stalled.map(([name, part]) => [
          name,
          `${part.waiting} waiting, none finished for ${Math.floor(stalledMs(part) / 1_000)} s`,
        ]),
        ...problems,
      ])
    },
  }
}
