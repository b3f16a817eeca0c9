import type { Feature } from '../feature.ts'
import type { Infrastructure } from '../infrastructure.ts'
import { cutHistory } from './cut-history.ts'
import { historyRoutes } from './history.routes.ts'
import { createHistoryService, type HistoryService } from './history.service.ts'
import { createHistoryStore } from './records.store.ts'

/** The history: the customer's own password changes (B3, B4), what the back office reads of it, and how long it is kept. */
export const createHistory = (
  { database, loops }: Infrastructure,
  { REKEY_HISTORY_RETENTION_MONTHS: months }: { REKEY_HISTORY_RETENTION_MONTHS: number },
): Feature & HistoryService => {
  const history = createHistoryService(createHistoryStore(database))
  return {
    ...history,
    routes: (app) => historyRoutes(app, history),
    ...(months > 0 ? { deletions: { 'old history records': cutHistory(loops, months) } } : {}),
  }
}
