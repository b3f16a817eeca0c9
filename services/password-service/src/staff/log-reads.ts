import { scopes } from '@rekey/contracts'
import type { Logger } from '@rekey/platform/logger'
import type { Server } from '@rekey/platform/server'
import { staffForLog, staffOf } from './staff.ts'

/** An answer of a route of the back office: it is about one customer, or lists some. */
interface Answer {
  customer?: string
  data?: { customer?: string }[]
}

const customersIn = ({ customer, data = [] }: Answer): string[] => [
  ...new Set([customer, ...data.map((listed) => listed.customer)].filter((code) => code !== undefined)),
]

/**
 * Logs what staff read: each answer of a route with the scope of the back office, with its reader, its path, the names of
 * the query's parameters (their values may be addresses), and the customers that it is about. A new route is logged
 * without further work. Reads that were refused, or found no such resource, showed nothing and are not logged.
 */
export const logReads = (app: Server, log: Logger): void => {
  app.addHook('preSerialization', async (request, reply, payload) => {
    const { url: what, config } = request.routeOptions
    const isRead = request.method === 'GET' || request.method === 'HEAD'
    if (!isRead || !config.scopes?.includes(scopes.backOffice) || reply.statusCode !== 200) return payload
    const { clientId: customerId } = request.params as { clientId?: number }
    log.info(
      {
        event: 'back_office_read',
        what,
        parameters: Object.keys(request.query as object),
        ...(customerId !== undefined && { customerId }),
        customers: customersIn(payload as Answer),
        ...staffForLog(staffOf(request)),
      },
      'the back office read',
    )
    return payload
  })
}
