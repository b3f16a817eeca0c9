import { formatTime, noSuchResource, type Page, type PasswordChange } from '@rekey/contracts'
import type { HistoryStore, ShownChange } from './history.store.ts'

const toPasswordChange = ({ id, type, createTime, holdUntil, ...rest }: ShownChange): PasswordChange => ({
  id,
  type,
  createTime: formatTime(createTime),
  ...rest,
  ...(holdUntil && { holdUntil: formatTime(holdUntil) }),
})

/** The changes to a customer's password, as the API returns them. */
export const createHistoryService = (store: HistoryStore) => ({
  /** The customer's changes (B3). @throws RekeyError unavailable */
  async list(customerCode: string, page: Page): Promise<{ total: number; data: PasswordChange[] }> {
    const { total, changes } = await store.list(customerCode, page)
    return { total, data: changes.map(toPasswordChange) }
  },

  /** One of the customer's changes (B4). @throws RekeyError not_found: none, or of another customer; unavailable */
  async show(customerCode: string, id: number): Promise<PasswordChange> {
    const change = await store.find(customerCode, id)
    if (!change) throw noSuchResource('changeId')
    return toPasswordChange(change)
  },
})

export type HistoryService = ReturnType<typeof createHistoryService>
