import { readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { parse } from 'yaml'
import { dashboards } from '../../scripts/dashboards/dashboards.ts'

const root = resolve(import.meta.dirname, '../..')

export interface Expression {
  /** Panel or rule. */
  of: string
  /** PromQL. */
  promql: string
  emptyBecause?: string | undefined
}

interface Times {
  rateInterval: string
  range: string
}

/** The queries of every panel, with these durations in place of Grafana's. */
export const panelExpressions = ({ rateInterval, range }: Times): Expression[] =>
  dashboards.flatMap(({ name, panels }) =>
    panels.flatMap(({ title, queries, emptyBecause }) =>
      queries.map(([expr]) => ({
        of: `${name}: ${title}`,
        promql: expr.replaceAll('$__rate_interval', rateInterval).replaceAll('$__range', range),
        emptyBecause,
      })),
    ),
  )

interface Rule {
  alert?: string
  record?: string
  expr: string
}

const rules: Rule[] = parse(readFileSync(join(root, 'deploy/prometheus/rules.yml'), 'utf8')).groups.flatMap(
  ({ rules }: { rules: Rule[] }) => rules,
)

export const ruleExpressions: Expression[] = rules.map(({ alert, record, expr }) => ({
  of: `rule ${alert ?? record}`,
  promql: expr,
}))

export const recordedNames: ReadonlySet<string> = new Set(rules.flatMap(({ record }) => record ?? []))

export interface Selector {
  name: string
  labels: { label: string; values: string[]; isPattern: boolean }[]
}

const selector = /\b((?:rekey|process|nodejs)[_:][a-zA-Z0-9_:]+)(?:\{([^}]*)\})?/g

/** The metrics that an expression names, with the labels by which they are selected. */
export const selectorsOf = (promql: string): Selector[] =>
  [...promql.matchAll(selector)].map(([, name = '', matchers = '']) => ({
    name,
    labels: [...matchers.matchAll(/(\w+)(=~|!~|!=|=)"((?:[^"\\]|\\.)*)"/g)].map(
      ([, label = '', operator = '', value = '']) => {
        const isPattern = operator.endsWith('~')
        return { label, values: isPattern ? value.split('|') : [value], isPattern }
      },
    ),
  }))
