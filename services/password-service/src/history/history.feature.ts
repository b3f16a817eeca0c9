import type { Feature } from '../feature.ts'
import type { Infrastructure } from '../infrastructure.ts'
import { historyRoutes } from './history.routes.ts'
import { createHistoryService, type HistoryService } from './history.service.ts'
import { createHistoryStore } from './history.store.ts'

/** The history of password changes: the customer's own (B3, B4), and `list` and `show` for the back office. */
export const createHistory = ({ database }: Infrastructure): Feature & HistoryService => {
  const history = createHistoryService(createHistoryStore(database))
  return { ...history, routes: (app) => historyRoutes(app, history) }
}
