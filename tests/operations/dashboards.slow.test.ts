import { execFile } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'
import type { DescribedMetric } from '@rekey/platform/metrics'
import { createCustomer } from '@rekey/test-support/customers'
import { restore, restoreGrant, signIn } from '@rekey/test-support/flows'
import { startProcesses } from '@rekey/test-support/processes'
import { findPrometheus } from '@rekey/test-support/prometheus'
import t from 'tap'
import { dashboardFiles, dashboards } from '../../scripts/dashboards/dashboards.ts'
import { anchorsOf } from '../../scripts/docs/links.ts'
import { panelExpressions, recordedNames, ruleExpressions, selectorsOf } from './expressions.ts'

const root = resolve(import.meta.dirname, '../..')
const programs = await findPrometheus()
const skip = 'missing' in programs && programs.missing
/** What the services export, with the values of each label. */
const described: DescribedMetric[] = JSON.parse(readFileSync(join(root, 'docs/metrics.json'), 'utf8'))
const expressions = [...panelExpressions({ rateInterval: '1m', range: '5m' }), ...ruleExpressions]

t.test('the query of each panel and rule is PromQL', { skip }, async (t) => {
  const file = join(t.testdir(), 'queries.yml')
  const rules = expressions.map(({ promql }, index) => ({ record: `query:${index}`, expr: promql }))
  writeFileSync(file, JSON.stringify({ groups: [{ name: 'queries', rules }] }))
  await promisify(execFile)('promtool' in programs ? programs.promtool : '', ['check', 'rules', file])
})

t.test('each metric, label and value that a panel or rule names is in a scrape of the services', async (t) => {
  // Look-ups of leaked passwords have metrics only with a vendor, who does not answer here.
  const rekey = await startProcesses(t, { metrics: true, env: { REKEY_BREACH_URL: 'http://127.0.0.1:9/' } })
  const customer = await createCustomer(rekey.postgres.url)
  await restore(rekey, await restoreGrant(rekey, customer), 'a new password')
  await signIn(rekey, { ...customer, password: 'a new password' })
  // One request of each route that a panel or rule selects; most are refused.
  await rekey.http.get('/restore')
  await rekey.http.get('/oauth/v2/authorize')
  await rekey.http.get('/api/v2/my/2fa/unauthorized/challenge')
  for (const path of ['/account/sign-in', '/oauth/v2/challenge', '/not-me']) await rekey.http.post(path, {})

  const services = ['auth-gateway', 'password-service', 'notifier'] as const
  const scrapes = await Promise.all(services.map((service) => rekey.metricsOf(service)))
  const types = new Map<string, string>()
  for (const [, name = '', type = ''] of scrapes.join('\n').matchAll(/^# TYPE (\S+) (\S+)$/gm)) types.set(name, type)
  const metricOf = (name: string) => {
    const family = name.replace(/_(bucket|count|sum)$/, '')
    return types.has(name) ? name : types.get(family)?.match(/histogram|summary/) ? family : undefined
  }
  /** Undefined if the services do not list the values. */
  const valuesOf = (metric: string, label: string) => {
    const values = described.find(({ name }) => name === metric)?.labels[label]
    return typeof values === 'string' ? undefined : values
  }
  const own = ['job', 'instance', 'le']
  const routes = new Set([...scrapes.join('\n').matchAll(/[{,]route="([^"]+)"/g)].map(([, route = '']) => route))

  t.ok(expressions.length > 150)
  for (const { of, promql } of expressions) {
    for (const { name, labels } of selectorsOf(promql)) {
      if (name.startsWith('rekey:')) {
        t.ok(recordedNames.has(name), `${of}: ${name} is recorded`)
        continue
      }
      const metric = metricOf(name)
      t.ok(metric, `${of}: ${name} is exported`)
      for (const { label, values } of labels.filter(({ label }) => !own.includes(label))) {
        const labelsOf = described.filter((one) => one.name === metric).flatMap((one) => Object.keys(one.labels))
        t.ok(labelsOf.includes(label), `${of}: ${name} has the label ${label}`)
        if (label === 'route')
          for (const pattern of values)
            t.ok(
              [...routes].some((route) => new RegExp(`^(?:${pattern})$`).test(route)),
              `${of}: a route ${pattern}`,
            )
        const known = valuesOf(metric ?? '', label)
        const plain = values.filter((value) => /^[\w .-]+$/.test(value) && !value.includes('..'))
        for (const value of known ? plain : []) t.ok(known?.includes(value), `${of}: ${name}{${label}="${value}"}`)
      }
    }
  }
  for (const series of ['rekey_restore_steps_total{', 'rekey_message_handover_seconds_bucket{'])
    t.ok(scrapes.join('\n').includes(`\n${series}`), series)
})

t.test('each metric that an operator may alert on or plan with is in a panel', async (t) => {
  const shown = new Set(
    panelExpressions({ rateInterval: '1m', range: '5m' }).flatMap(({ promql }) =>
      selectorsOf(promql).map(({ name }) => name.replace(/_(bucket|count|sum)$/, '')),
    ),
  )
  // rekey_lockouts_total has the same lockouts with their kinds.
  const replaced = ['rekey_restore_lockouts_total']
  t.same(
    described.map(({ name }) => name).filter((name) => !shown.has(name) && !replaced.includes(name)),
    [],
  )
})

t.test('each panel says what to do, and each link leads to a heading of the docs', async (t) => {
  for (const { name, panels } of dashboards) {
    t.equal(new Set(panels.map(({ title }) => title)).size, panels.length, `${name}: titles are unique`)
    for (const { title, description } of panels) t.match(description, /^.{10,}\.$/, `${name}: ${title}`)
  }
  for (const [path, text] of Object.entries(dashboardFiles())) {
    const links = new Set([...text.matchAll(/\$\{docs\}([^"]+)/g)].map(([, link = '']) => link))
    t.ok(links.size > 3)
    for (const link of links) {
      const [page = '', anchor = ''] = link.split('#')
      t.ok(anchorsOf(readFileSync(join(root, 'docs', page), 'utf8')).has(anchor), `${path}: ${link}`)
    }
  }
})

t.test(
  'the files in deploy/grafana are the ones that npm run docs writes, each with panels that do not overlap',
  async (t) => {
    for (const [path, text] of Object.entries(dashboardFiles())) {
      t.equal(readFileSync(join(root, path), 'utf8'), text, path)
      const { panels, uid } = JSON.parse(text) as {
        uid: string
        panels: { id: number; gridPos: { x: number; y: number; w: number; h: number } }[]
      }
      t.match(uid, /^[a-z-]{1,40}$/)
      const places = panels.map(({ gridPos: { x, y, w, h } }) => ({ x, y, right: x + w, bottom: y + h }))
      t.ok(places.every(({ right }) => right <= 24))
      for (const [index, one] of places.entries())
        t.notOk(
          places
            .slice(index + 1)
            .some(
              (other) => one.x < other.right && other.x < one.right && one.y < other.bottom && other.y < one.bottom,
            ),
          `${path}: panel ${index + 1}`,
        )
    }
  },
)
