import { Healthz, Readyz } from '@rekey/contracts'
import fp from 'fastify-plugin'
import type { Progress } from './progress.ts'
import type { Server } from './server.ts'

interface Options {
  /** By the name of the part in /readyz: resolves if the part answers. */
  checks: Record<string, () => Promise<unknown>>
  progress: Progress
}

const timeoutMs = 1_500

const awaySentence = 'unavailable: requests that need it are answered 503'

/** `ok`, or `unavailable` if the check rejects or takes longer than 1.5 s. */
export const probe = async (check: () => Promise<unknown>): Promise<string> => {
  const deadline = AbortSignal.timeout(timeoutMs)
  const late = new Promise<never>((_, reject) => {
    deadline.onabort = () => reject(new Error(`no answer in ${timeoutMs} ms`))
  })
  try {
    await Promise.race([check(), late])
    return 'ok'
  } catch {
    return 'unavailable'
  }
}

/**
 * `/healthz`: the process runs. `/readyz`: the instance has reached every part once since its start, and is not stopping.
 * A part that is unavailable later, or makes no progress, makes the instance `degraded` but not unready: all instances
 * share the part, and without any of them the routes that work without it would fail too.
 */
export const health = fp<Options>(async (instance, { checks, progress }) => {
  const app = instance as unknown as Server
  const names = Object.keys(checks)
  const reached = new Set<string>()
  let probing: Promise<string[]> | undefined
  /** One probe at a time, which all requests share: requests without a limit must not become load on stores and broker. */
  const probeAll = () => {
    probing ??= Promise.all(Object.values(checks).map(probe)).finally(() => {
      probing = undefined
    })
    return probing
  }
  const config = { public: true, crossSite: 'read' as const }
  app.get('/healthz', { schema: Healthz, config }, async () => ({ status: 'ok' as const }))
  app.get('/readyz', { schema: Readyz, config }, async (_request, reply) => {
    const results = await probeAll()
    const draining = app.isDraining()
    const away = names.filter((_, index) => results[index] !== 'ok')
    for (const name of names) if (!away.includes(name)) reached.add(name)
    const ready = !draining && names.every((name) => reached.has(name))
    const answers = {
      ...Object.fromEntries(names.map((name, index) => [name, results[index] ?? 'unavailable'])),
      ...(draining && { service: 'stopping' }),
    }
    if (!ready) {
      reply.header('retry-after', 2)
      return reply.code(503).send({ status: 'unavailable', checks: answers })
    }
    const degraded = { ...progress.degraded(), ...Object.fromEntries(away.map((name) => [name, awaySentence])) }
    if (Object.keys(degraded).length > 0) return { status: 'degraded' as const, checks: answers, degraded }
    return { status: 'ok' as const, checks: answers }
  })
})
