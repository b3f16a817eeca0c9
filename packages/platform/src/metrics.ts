import { Counter, Gauge, Histogram, Registry } from 'prom-client'

/** The registry of a service's metrics. */
export type Metrics = Registry

export const createMetrics = (): Metrics => new Registry()

/**
 * The values of each label: all of them, or, if they are known only to the running service, a sentence that names their
 * set. A label without a bounded set would grow the service's memory, and could have personal data.
 */
export type Labels = Readonly<Record<string, readonly string[] | string>>

/** One value of each label. */
export type LabelsOf<L extends Labels> = {
  readonly [Name in keyof L]: L[Name] extends readonly (infer Value)[] ? Value : string
}

/** The label argument, which metrics without labels do not have. */
type LabelArgument<L extends Labels> = [keyof L] extends [never] ? [] : [labels: LabelsOf<L>]

export interface Description<L extends Labels> {
  /** OpenMetrics: a counter ends in `_total`, a time in `_seconds`, a moment in `_timestamp_seconds`. */
  name: string
  /** What exactly is counted or measured, from when to when. */
  help: string
  labels?: L
}

export interface CounterOf<L extends Labels> {
  inc(...labelsAndAmount: [...LabelArgument<L>, amount?: number]): void
}

export interface GaugeOf<L extends Labels> {
  set(...labelsAndValue: [...LabelArgument<L>, value: number]): void
  inc(...labelsAndAmount: [...LabelArgument<L>, amount?: number]): void
  dec(...labelsAndAmount: [...LabelArgument<L>, amount?: number]): void
  /** Removes every value. */
  reset(): void
  /** Removes one value. */
  remove(...labels: LabelArgument<L>): void
}

interface GaugeDescription<L extends Labels> extends Description<L> {
  /** Sets the values at each scrape. */
  collect?(this: GaugeOf<L>): void | Promise<void>
}

export interface HistogramOf<L extends Labels> {
  observe(...labelsAndSeconds: [...LabelArgument<L>, seconds: number]): void
}

/** Buckets of histograms, in seconds: one list for each kind of work, so that panels can add histograms up. */
export const buckets = {
  /** Of a request or an RPC: callers give up after two seconds. */
  request: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2, 5],
  /** Of a message, and of what a person does with it. */
  message: [0.1, 0.25, 0.5, 1, 2, 5, 10, 20, 30, 60, 120, 300, 600],
  /** Of a password hash. A hash that waited for 1.2 s is refused. */
  hash: [0.01, 0.025, 0.05, 0.1, 0.2, 0.4, 0.8, 1.2, 2.5],
} as const

interface HistogramDescription<L extends Labels> extends Description<L> {
  buckets: readonly number[]
}

/** A counter whose labels have at most this many values together begins with each of them at 0. */
const mostZeros = 64

const labelsOf = new WeakMap<object, Labels>()

const isListed = (values: readonly string[] | string | undefined): values is readonly string[] => Array.isArray(values)

/** The values that either of two parts of a service gives to each label. */
const unite = (one: Labels, other: Labels): Labels =>
  Object.fromEntries(
    Object.entries(one).map(([name, values]) => {
      const more = other[name]
      return [name, isListed(values) && isListed(more) ? [...new Set([...values, ...more])] : values]
    }),
  )

/** The metric of this name, created on first use: several parts of a service may share it, each with its values. */
const share = <M extends object>(
  metrics: Metrics,
  { name, help, labels = {}, ...more }: Description<Labels>,
  create: (configuration: { name: string; help: string; labelNames: string[]; registers: Metrics[] }) => M,
): M => {
  const existing = metrics.getSingleMetric(name) as M | undefined
  if (existing) {
    labelsOf.set(existing, unite(labelsOf.get(existing) ?? {}, labels))
    return existing
  }
  const metric = create({ name, help, ...more, labelNames: Object.keys(labels), registers: [metrics] })
  labelsOf.set(metric, labels)
  return metric
}

/** Every combination of listed values; none if a label is not listed. */
const combinations = (labels: Labels): Record<string, string>[] =>
  Object.entries(labels).reduce<Record<string, string>[]>(
    (found, [name, values]) =>
      typeof values === 'string' ? [] : found.flatMap((one) => values.map((value) => ({ ...one, [name]: value }))),
    [{}],
  )

export const counter = <const L extends Labels = Record<never, never>>(
  metrics: Metrics,
  description: Description<L>,
): CounterOf<L> => {
  const shared = share(metrics, description, (configuration) => new Counter(configuration))
  // `rate()` sees the first event only if the counter had a value before.
  const zeros = combinations(description.labels ?? {})
  if (zeros.length <= mostZeros) for (const labels of zeros) shared.inc(labels, 0)
  return shared as unknown as CounterOf<L>
}

export const gauge = <const L extends Labels = Record<never, never>>(
  metrics: Metrics,
  description: GaugeDescription<L>,
): GaugeOf<L> => share(metrics, description, (configuration) => new Gauge(configuration)) as unknown as GaugeOf<L>

/** A histogram of seconds. */
export const histogram = <const L extends Labels = Record<never, never>>(
  metrics: Metrics,
  description: HistogramDescription<L>,
): HistogramOf<L> =>
  share(
    metrics,
    description,
    (configuration) => new Histogram({ ...configuration, buckets: [...description.buckets] }),
  ) as unknown as HistogramOf<L>

/** A metric as it was registered. */
export interface DescribedMetric {
  name: string
  type: 'counter' | 'gauge' | 'histogram'
  help: string
  labels: Labels
}

/** The metrics of Rekey in a registry, in the order of their names. */
export const describeMetrics = (metrics: Metrics): DescribedMetric[] =>
  metrics
    .getMetricsAsArray()
    .flatMap((metric) => {
      const labels = labelsOf.get(metric)
      const { name, help, type } = metric as unknown as DescribedMetric
      return labels ? [{ name, type, help, labels }] : []
    })
    .toSorted((one, other) => one.name.localeCompare(other.name))
