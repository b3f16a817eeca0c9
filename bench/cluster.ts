import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { createCustomer } from '@rekey/test-support/customers'
import { eventually } from '@rekey/test-support/eventually'
import { backOfficeToken } from '@rekey/test-support/flows'
import { createHttp } from '@rekey/test-support/http'
import { hasAllParts } from '@rekey/test-support/readiness'
import { kinds, type Load, startLoad } from './cluster/load.ts'
import { type Cluster, startCluster } from './cluster/system.ts'

// npm run bench -- cluster: throughput on clustered stores, and with one node of each killed. Everything shares this
// machine, so the figures show what a failure costs, not what a deployment serves.

const connections = 16
const people = 200
const quietMs = 10_000
const failedMs = 15_000

const isServed = ({ status }: { status: number }) => status === 200
const isReady = ({ url }: { url: string }) => hasAllParts(url)

interface Failure {
  part: string
  /** Kills the part and does what an operator's failover manager does. @returns what brings the part back */
  inject(cluster: Cluster): Promise<() => Promise<void>>
}

const failures: Failure[] = [
  {
    part: 'Redis master',
    async inject({ redis }) {
      const [master] = redis.servers
      await master?.kill()
      return async () => {
        await master?.restart()
        await eventually(redis.isWhole, { what: 'the Redis Cluster' })
      }
    },
  },
  {
    part: 'NATS, leader of AUTH',
    async inject({ brokers }) {
      const leader = await brokers.leaderOf('AUTH')
      await leader.kill()
      return () => leader.restart()
    },
  },
  ...(['gateways', 'passwordServices', 'notifiers'] as const).map((name) => ({
    part: { gateways: 'auth-gateway', passwordServices: 'password-service', notifiers: 'notifier' }[name],
    async inject(cluster: Cluster) {
      const [first] = cluster[name]
      await first?.kill()
      return async () => {
        await first?.restart()
      }
    },
  })),
  {
    part: 'Postgres primary',
    async inject({ databases, leadToStandby }) {
      await databases.primary.kill()
      await databases.promote()
      leadToStandby()
      // The former primary would have to be copied anew: it stays down.
      return async () => {}
    },
  },
]

const summary = (load: Load, from: number) => {
  const answers = load.since(from)
  const seconds = (performance.now() - from) / 1_000
  const served = answers.filter(isServed)
  const sorted = served.map(({ ms }) => ms).toSorted((a, b) => a - b)
  const at = (share: number) => Math.round(sorted[Math.floor(sorted.length * share)] ?? Number.NaN)
  const perSecond = Array.from({ length: Math.floor(seconds) }, (_, second) => {
    const start = from + second * 1_000
    return served.filter((one) => one.at >= start && one.at < start + 1_000).length
  })
  // The longest time without a served request of a kind.
  const gaps = kinds.map((kind) => {
    const times = [from, ...served.filter((one) => one.kind === kind).map((one) => one.at), performance.now()]
    return Math.round(times.reduce((longest, time, index) => Math.max(longest, time - (times[index - 1] ?? time)), 0))
  })
  const refused = new Map<number, number>()
  for (const { status } of answers) if (status !== 200) refused.set(status, (refused.get(status) ?? 0) + 1)
  const codes = [...refused].map(([status, count]) => `${count} × ${status || 'none'}`).join(', ') || '0'
  return [Math.round(served.length / seconds), Math.min(...perSecond), at(0.5), at(0.99), ...gaps, codes]
}

const row = (name: string, cells: readonly (string | number)[]) => console.log(`| ${[name, ...cells].join(' | ')} |`)

const cleanups: (() => unknown)[] = []
try {
  const dir = mkdtempSync(join(tmpdir(), 'rekey-bench-cluster-'))
  cleanups.push(() => rmSync(dir, { recursive: true, force: true }))
  const cluster = await startCluster({ teardown: (clean) => cleanups.push(clean) }, dir)
  const services = () => [...cluster.gateways, ...cluster.passwordServices, ...cluster.notifiers]
  const areReady = async () => (await Promise.all(services().map(isReady))).every(Boolean)
  await eventually(areReady, { what: 'all services to be ready' })
  const customers = await Promise.all(Array.from({ length: people }, () => createCustomer(cluster.databaseUrl)))
  const token = await backOfficeToken({ http: createHttp(cluster.origin) })
  const load = startLoad(cluster.origin, customers, token, connections)
  cleanups.push(() => load.stop())
  await delay(quietMs / 2)

  row('failed part', [
    'served/s',
    'worst second',
    'p50 ms',
    'p99 ms',
    ...kinds.map((kind) => `longest gap of ${kind}, ms`),
    'not served',
  ])
  row(
    '---',
    Array.from({ length: 8 }, () => '---'),
  )
  const quietFrom = performance.now()
  await delay(quietMs)
  row('none', summary(load, quietFrom))
  for (const { part, inject } of failures) {
    const from = performance.now()
    const heal = await inject(cluster)
    await delay(failedMs)
    row(part, summary(load, from))
    await heal()
    await eventually(areReady, { what: `all services to be ready after ${part}` })
    await delay(quietMs / 2)
  }
  const lastFrom = performance.now()
  await delay(quietMs)
  row('none, afterwards', summary(load, lastFrom))
} finally {
  for (const clean of cleanups.reverse()) await clean()
}
