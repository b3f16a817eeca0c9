import { formatTime, type Page, type PasswordChange, RekeyError } from '@rekey/contracts'
import type { HistoryStore, ShownChange } from './history.store.ts'

const show = ({ id, type, createTime, holdUntil, ...rest }: ShownChange): PasswordChange => ({
  id,
  type,
  createTime: formatTime(createTime),
  ...rest,
  ...(holdUntil && { holdUntil: formatTime(holdUntil) }),
})

export interface History {
  /** One's own changes (B3). */
  list(customerCode: string, page: Page): Promise<{ total: number; data: PasswordChange[] }>
  /** One of one's own changes (B4). @throws RekeyError not_found: there is none, or it is another's */
  show(customerCode: string, id: number): Promise<PasswordChange>
}

/** What a customer sees of the changes to their password. */
export const createHistory = ({ store }: { store: HistoryStore }): History => ({
  async list(customerCode, page) {
    const { total, changes } = await store.list(customerCode, page)
    return { total, data: changes.map(show) }
  },
  async show(customerCode, id) {
    const change = await store.find(customerCode, id)
    if (!change) throw new RekeyError('not_found')
    return show(change)
  },
})
