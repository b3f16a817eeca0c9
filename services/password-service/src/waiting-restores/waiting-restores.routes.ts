import { ListClientWaitingRestores, scopes } from '@rekey/contracts'
import type { Server } from '@rekey/platform/server'
import type { ListWaitingRestores } from './list-waiting-restores.ts'

const config = { scopes: [scopes.backOffice] }

export const waitingRestoreRoutes = (app: Server, list: ListWaitingRestores): void => {
  app.get('/api/v2/clients/:clientId/waiting-restore', { schema: ListClientWaitingRestores, config }, (request) =>
    list(request.params.clientId),
  )
}
