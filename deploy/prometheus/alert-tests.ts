import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { stringify } from 'yaml'

// promtool evaluates every rule at each step of a unit test: most of its time goes into alerts that the test does not
// read. A test of one alert needs the rules that the alert depends on.

export interface Rule {
  alert?: string
  record?: string
  expr: string
  labels?: Record<string, string>
  annotations?: Record<string, string>
}

export interface Rules {
  groups: { name: string; rules: Rule[] }[]
}

export interface UnitTest {
  name: string
  promql_expr_test: { expr: string; exp_samples: unknown[] }[]
}

export interface UnitTests {
  rule_files: string[]
  tests: UnitTest[]
}

const namesIn = (expr: string): Set<string> => new Set(expr.match(/[a-zA-Z_:][\w:]*/g))

/** The alerts whose state a unit test reads. */
const alertsOf = ({ promql_expr_test }: UnitTest): string[] => [
  ...new Set(
    promql_expr_test.flatMap(({ expr }) => [...expr.matchAll(/alertname="(\w+)"/g)].map(([, name = '']) => name)),
  ),
]

/** The rules of these alerts, and the recording rules that they read, directly or through others. */
export const rulesOf = ({ groups }: Rules, alerts: readonly string[]): Rules => {
  const all = groups.flatMap(({ rules }) => rules)
  const needed = new Set(all.filter(({ alert }) => alert !== undefined && alerts.includes(alert)))
  // A set also visits what is added while it is iterated.
  for (const { expr } of needed) {
    const names = namesIn(expr)
    for (const rule of all) if (rule.record !== undefined && names.has(rule.record)) needed.add(rule)
  }
  return {
    groups: groups
      .map((group) => ({ ...group, rules: group.rules.filter((rule) => needed.has(rule)) }))
      .filter(({ rules }) => rules.length > 0),
  }
}

/**
 * Writes the unit tests of a file in one file for each set of alerts, with the rules that these need.
 *
 * @returns paths of the files, for `promtool test rules`
 * @throws Error if a test reads no alert, or one that the rules lack
 */
export const writeAlertTests = (file: UnitTests, rules: Rules, folder: string): string[] => {
  const names = new Set(rules.groups.flatMap((group) => group.rules.map(({ alert }) => alert)))
  const testsOf = Map.groupBy(file.tests, (test) => {
    const alerts = alertsOf(test)
    const unknown = alerts.filter((alert) => !names.has(alert))
    if (alerts.length === 0 || unknown.length > 0) {
      throw new Error(`the unit test "${test.name}" reads no alert of the rules: ${unknown.join() || 'none is named'}`)
    }
    return alerts.join('-')
  })
  return [...testsOf].map(([key, tests]) => {
    const rulesPath = join(folder, `${key}.rules.yml`)
    const testsPath = join(folder, `${key}.test.yml`)
    writeFileSync(rulesPath, stringify(rulesOf(rules, key.split('-'))))
    writeFileSync(testsPath, stringify({ ...file, rule_files: [rulesPath], tests }))
    return testsPath
  })
}
