import type { Feature } from '../feature.ts'
import type { Infrastructure } from '../infrastructure.ts'
import { historyRoutes } from './history.routes.ts'
import { createHistoryService, type HistoryService } from './history.service.ts'
import { createHistoryStore } from './records.store.ts'

/** The history: the customer's own password changes (B3, B4), and what the back office reads of it. */
export const createHistory = ({ database }: Infrastructure): Feature & HistoryService => {
  const history = createHistoryService(createHistoryStore(database))
  return { ...history, routes: (app) => historyRoutes(app, history) }
}
