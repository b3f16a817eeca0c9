import { gauge, type Metrics } from '@rekey/platform/metrics'
import type pg from 'pg'
import { type PoolName, pools } from './cancelling-client.ts'

/** The pools of each registry: they share one gauge. */
const openPools = new WeakMap<Metrics, Map<PoolName, pg.Pool>>()

/** Shows at each scrape how the connections of a pool are used. */
export const measurePool = (metrics: Metrics, name: PoolName, pool: pg.Pool): void => {
  gauge(metrics, {
    name: 'rekey_pool_connections',
    help:
      'Connections to Postgres, by whether they run a statement or transaction (busy), and callers that wait for one. ' +
      'Those that wait while REKEY_DATABASE_POOL connections are busy are answered 503 after 1.5 s',
    labels: { pool: pools, state: ['idle', 'busy', 'waiting'] },
    collect() {
      for (const [pool, { totalCount, idleCount, waitingCount }] of openPools.get(metrics) ?? []) {
        this.set({ pool, state: 'idle' }, idleCount)
        this.set({ pool, state: 'busy' }, totalCount - idleCount)
        this.set({ pool, state: 'waiting' }, waitingCount)
      }
    },
  })
  openPools.set(metrics, (openPools.get(metrics) ?? new Map()).set(name, pool))
}
