import { Healthz, Readyz } from '@rekey/contracts'
import fp from 'fastify-plugin'
import type { Server } from './server.ts'

interface Options {
  /** By the name operators know the part: resolves when it answers. */
  checks: Record<string, () => Promise<unknown>>
}

const timeoutMs = 1_500

const probe = async (check: () => Promise<unknown>): Promise<string> => {
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

/** `/healthz`: the process runs. `/readyz`: so do its stores and the broker, and it is not being stopped. */
export const health = fp<Options>(async (instance, { checks }) => {
  const app = instance as unknown as Server
  app.get('/healthz', { schema: Healthz, config: { public: true } }, async () => ({ status: 'ok' as const }))
  app.get('/readyz', { schema: Readyz, config: { public: true } }, async (_request, reply) => {
    const names = Object.keys(checks)
    const results = await Promise.all(Object.values(checks).map(probe))
    const draining = app.isDraining()
    const ready = !draining && results.every((result) => result === 'ok')
    if (!ready) reply.header('retry-after', 2)
    return reply.code(ready ? 200 : 503).send({
      status: ready ? 'ok' : 'unavailable',
      checks: {
        ...Object.fromEntries(names.map((name, index) => [name, results[index] ?? 'unavailable'])),
        ...(draining && { service: 'stopping' }),
      },
    })
  })
})
