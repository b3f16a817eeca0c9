import { execFile } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'
import { findPrometheus } from '@rekey/test-support/prometheus'
import t from 'tap'
import { parse } from 'yaml'
import { anchorsOf } from '../../scripts/docs/links.ts'
import { type Rules, rulesOf, type UnitTest, writeAlertTests } from './alert-tests.ts'

const root = resolve(import.meta.dirname, '../..')
const read = (name: string) => readFileSync(join(import.meta.dirname, name), 'utf8')

const rules: Rules = parse(read('rules.yml'))
const alerts = rules.groups.flatMap((group) =>
  group.rules.flatMap(({ alert, ...rule }) => (alert === undefined ? [] : [{ alert, ...rule }])),
)
const unitTests = readdirSync(import.meta.dirname).filter((name) => name.endsWith('.test.yml'))

const programs = await findPrometheus()
const skip = 'missing' in programs && programs.missing
const promtool = (...args: string[]) =>
  promisify(execFile)('promtool' in programs ? programs.promtool : '', args, { cwd: import.meta.dirname })

t.test('promtool accepts the rules and the configuration', { skip }, async () => {
  await promtool('check', 'rules', 'rules.yml')
  await promtool('check', 'config', 'prometheus.yml')
})

for (const file of unitTests) {
  t.test(`the unit tests of ${file} pass`, { skip }, (t) =>
    promtool('test', 'rules', ...writeAlertTests(parse(read(file)), rules, t.testdir())),
  )
}

t.test('an alert is tested with the recording rules that it reads, directly or through others', async (t) => {
  const record = (name: string, expr: string) => ({ record: name, expr })
  const [rate, mean, other] = [record('a:rate', 'rate(x[5m])'), record('a:mean', 'a:rate / 2'), record('a:r', 'x')]
  const alert = { alert: 'High', expr: 'a:mean > 1' }
  const quiet = { alert: 'Low', expr: 'a:r < 1' }
  const all = {
    groups: [
      { name: 'recording', rules: [rate, mean, other] },
      { name: 'quiet', rules: [quiet] },
      { name: 'alerts', rules: [alert] },
    ],
  }
  t.same(rulesOf(all, ['High']).groups, [
    { name: 'recording', rules: [rate, mean] },
    { name: 'alerts', rules: [alert] },
  ])
  const test = (expr: string) => ({
    rule_files: [],
    tests: [{ name: 'x', promql_expr_test: [{ expr, exp_samples: [] }] }],
  })
  for (const expr of ['vector(1)', 'ALERTS{alertname="Gone"}']) {
    t.throws(() => writeAlertTests(test(expr), all, t.testdirName), /reads no alert of the rules/, expr)
  }
})

t.test('each alert has a unit test in which it fires, and one in which it does not', async (t) => {
  const checks = unitTests
    .flatMap((name): UnitTest[] => parse(read(name)).tests)
    .flatMap(({ promql_expr_test }) => promql_expr_test)
  t.ok(alerts.length > 35)
  for (const { alert } of alerts) {
    const own = checks.filter(({ expr }) => expr.includes(`alertname="${alert}"`))
    t.ok(
      own.some(({ exp_samples }) => exp_samples.length > 0),
      `${alert} fires`,
    )
    t.ok(
      own.some(({ exp_samples }) => exp_samples.length === 0),
      `${alert} is quiet`,
    )
  }
})

t.test('each alert has a severity, a summary, a description and a runbook that exists', async (t) => {
  for (const { alert, labels, annotations = {} } of alerts) {
    t.match(labels?.severity, /^(page|ticket)$/, alert)
    t.ok(annotations.summary && annotations.description, alert)
    const [, page = '', anchor = ''] =
      /^\{\{ \$externalLabels\.runbooks \}\}([a-z-]+\.md)#(.+)$/.exec(annotations.runbook_url ?? '') ?? []
    t.ok(anchorsOf(readFileSync(join(root, 'docs', page), 'utf8')).has(anchor), `${alert}: ${page}#${anchor}`)
  }
  t.equal(new Set(alerts.map(({ alert }) => alert)).size, alerts.length, 'names of alerts are unique')
})
