import { setTimeout as delay } from 'node:timers/promises'
import type { Link } from '@rekey/test-support/link'
import type { TestServer } from '@rekey/test-support/restartable'

const probeEveryMs = 100
const probeTimeoutMs = 1_000

const isReady = async ({ url }: TestServer) => {
  try {
    return (await fetch(`${url}/readyz`, { signal: AbortSignal.timeout(probeTimeoutMs) })).ok
  } catch {
    return false
  }
}

/** Makes links act as a load balancer: new connections go to ready instances only. */
export const balance = (links: Link[], instances: TestServer[]) => {
  const stopped = new AbortController()
  let ready: TestServer[] = []
  const probe = async () => {
    const answers = await Promise.all(instances.map(isReady))
    ready = instances.filter((_, index) => answers[index])
    for (const link of links) link.leadTo(ready.map(({ url }) => Number(new URL(url).port)))
  }
  const loop = async () => {
    while (!stopped.signal.aborted) {
      await probe()
      await delay(probeEveryMs, undefined, { signal: stopped.signal }).catch(() => {})
    }
  }
  const running = loop()
  return {
    /** True if new connections go to this instance. */
    leadsTo: (instance: TestServer) => ready.includes(instance),
    async stop() {
      stopped.abort()
      await running
    },
  }
}
