import { GetPasswordChange, ListPasswordChanges, scopes } from '@rekey/contracts'
import type { Server } from '@rekey/platform/server'
import type { HistoryService } from './history.service.ts'

const config = { scopes: [scopes.full] }

/** B3, B4. */
export const historyRoutes = (app: Server, { own }: Pick<HistoryService, 'own'>): void => {
  app.get('/api/v2/my/password/changes', { schema: ListPasswordChanges, config }, async (request) =>
    own.list(request.bearer.sub, request.query),
  )
  app.get('/api/v2/my/password/changes/:changeId', { schema: GetPasswordChange, config }, async (request) =>
    own.show(request.bearer.sub, request.params.changeId),
  )
}
