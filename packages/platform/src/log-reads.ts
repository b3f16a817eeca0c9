import { scopes } from '@rekey/contracts'
import type { FastifySchema } from 'fastify'
import type { Logger } from './logger.ts'
import type { Server } from './server.ts'

/** An answer of a route of the back office: it is about one customer, or lists some. */
interface Answer {
  customer?: string
  data?: { customer?: string }[]
}

const customersIn = ({ customer, data = [] }: Answer): string[] => [
  ...new Set([customer, ...data.map((listed) => listed.customer)].filter((code) => code !== undefined)),
]

/** Keeps the names of the route's own query parameters: a caller chooses the others, and could write words into the log. */
const declaredIn = (schema: FastifySchema | undefined, names: string[]): string[] => {
  const { properties = {} } = (schema?.querystring ?? {}) as { properties?: object }
  return names.filter((name) => Object.hasOwn(properties, name))
}

/**
 * Logs what staff read: each answer of a route with the scope of the back office, with its reader, its path, the names of
 * the query's parameters (their values may be addresses), and the customers that it is about. A new route is logged
 * without further work. Reads that were refused, or found no such resource, showed nothing and are not logged. A service
 * that forwards a read does not log it: the one that answers does.
 */
export const logReads = (app: Server, log: Logger): void => {
  app.addHook('preSerialization', (request, reply, payload, done) => {
    const { url: what = '', config, schema } = request.routeOptions
    const isRead = request.method === 'GET' || request.method === 'HEAD'
    if (!isRead || !config.scopes?.includes(scopes.backOffice) || reply.statusCode !== 200) return done(null, payload)
    const { clientId: customerId } = request.params as { clientId?: number }
    const { sub: actorId, client_id: clientId } = request.bearer
    log.event('back_office_read', {
      what,
      parameters: declaredIn(schema, Object.keys(request.query as object)),
      ...(customerId !== undefined && { customerId }),
      customers: customersIn(payload as Answer),
      actor: 'back_office',
      actorId,
      clientId,
      address: request.ip,
      channel: 'api',
    })
    done(null, payload)
  })
}
