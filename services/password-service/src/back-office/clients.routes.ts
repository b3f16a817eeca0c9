import { FindClients, GetClient, scopes } from '@rekey/contracts'
import type { Server } from '@rekey/platform/server'
import type { ClientReader } from './clients.service.ts'

const config = { scopes: [scopes.backOffice] }

/** B10. */
export const clientRoutes = (app: Server, { findClients, getClient }: ClientReader): void => {
  app.get('/api/v2/clients', { schema: FindClients, config }, async (request) => findClients(request.query))
  app.get('/api/v2/clients/:clientId', { schema: GetClient, config }, async (request) =>
    getClient(request.params.clientId),
  )
}
