import { ListClientMessages, scopes } from '@rekey/contracts'
import type { Server } from '@rekey/platform/server'
import type { MessageReader } from './messages.service.ts'

const config = { scopes: [scopes.backOffice] }

/** B13. */
export const messageRoutes = (app: Server, messages: MessageReader): void => {
  app.get('/api/v2/clients/:clientId/messages', { schema: ListClientMessages, config }, async (request) =>
    messages.list(request.params.clientId, request.query),
  )
}
