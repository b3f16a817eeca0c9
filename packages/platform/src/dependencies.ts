import { connect } from 'node:net'
import { probe } from './health.ts'
import { gauge, type Metrics } from './metrics.ts'
import type { Fetch } from './part-fetch.ts'

/** Resolves if the dependency answers. */
type Check = () => Promise<unknown>

/** How long a result is used again: scrapes of several collectors make no further requests. */
const freshMs = 5_000
const timeoutMs = 1_500

/** Checks that a GET of this URL is answered with 2xx. */
export const answers = (url: string, send: Fetch): Check => {
  return async () => {
    const answer = await send(url, { signal: AbortSignal.timeout(timeoutMs), redirect: 'error' })
    await answer.body?.cancel()
    if (!answer.ok) throw new Error(`status ${answer.status}`)
  }
}

/** Checks that the host of this URL accepts TCP connections, for a server to which every request would have an effect. */
export const accepts = (url: string): Check => {
  const { hostname, port, protocol } = new URL(url)
  const address = { host: hostname.replaceAll(/[[\]]/g, ''), port: Number(port || (protocol === 'https:' ? 443 : 80)) }
  return () =>
    new Promise<void>((resolve, reject) => {
      const socket = connect({ ...address, timeout: timeoutMs })
      const end = (error?: Error) => {
        socket.destroy()
        if (error) reject(error)
        else resolve()
      }
      socket.once('connect', () => end())
      socket.once('timeout', () => end(new Error('no connection in time')))
      socket.once('error', end)
    })
}

/** Checks the dependencies of a service at each scrape, at most every 5 s: those of /readyz, and those that it does not need to be ready. */
export const watchDependencies = (metrics: Metrics, checks: Readonly<Record<string, Check>>): void => {
  let checkedMs = Number.NEGATIVE_INFINITY
  const names = Object.keys(checks)
  gauge(metrics, {
    name: 'rekey_dependency_up',
    help: '1 if the dependency answered a check at the scrape (or up to 5 s before it) within 1.5 s, else 0',
    labels: { dependency: names },
    async collect() {
      if (performance.now() - checkedMs < freshMs) return
      checkedMs = performance.now()
      await Promise.all(
        Object.entries(checks).map(async ([dependency, check]) =>
          this.set({ dependency }, Number((await probe(check)) === 'ok')),
        ),
      )
    },
  })
}
