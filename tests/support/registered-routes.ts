import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import type { Server } from '@rekey/platform/server'
import type { Teardown } from './infrastructure.ts'

/**
 * Records the routes of every HTTP server that starts from now on.
 *
 * @returns a function that lists the routes of the server that has this one, as `GET /path/:parameter`
 */
export const recordRoutes = (t: Teardown) => {
  const servers: Set<string>[] = []
  const record = (message: unknown) => {
    const routes = new Set<string>()
    servers.push(routes)
    ;(message as { fastify: Server }).fastify.addHook('onRoute', ({ method, url }) => {
      for (const verb of [method].flat()) routes.add(`${verb} ${url}`)
    })
  }
  subscribe('fastify.initialization', record)
  t.teardown(() => unsubscribe('fastify.initialization', record))
  return (route: string): string[] => [...(servers.find((routes) => routes.has(route)) ?? [])]
}
