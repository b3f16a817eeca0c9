import { formatTime, noSuchResource, type WaitingRestore, type WaitingRestoreList } from '@rekey/contracts'
import type { Database } from '../database.ts'
import { channelOf } from '../notifications/recipient.ts'
import { formatEnd, stateAt } from './waiting-restore.ts'
import { listWaiting, type WaitingNow } from './waiting-restores.store.ts'

const mostListed = 20

const lastNotices = ['opened', 'opened', 'half', 'last'] as const

const toShown = ({ restore, at }: WaitingNow): WaitingRestore => {
  const { id, kind, clientId, ip, openedAt, endsAt, expiresAt, finishedAt, vetoedBy, noticesSent, endedEarlyAt } =
    restore
  return {
    id,
    state: stateAt(restore, at),
    channel: channelOf(kind),
    clientId,
    ip,
    createTime: formatTime(openedAt),
    endsAt: formatEnd(endsAt),
    expiresAt: formatTime(expiresAt),
    lastNotice: endedEarlyAt ? 'ended_early' : (lastNotices[noticesSent] ?? 'last'),
    ...(endedEarlyAt && { endedEarlyAt: formatTime(endedEarlyAt) }),
    ...(finishedAt && { finishTime: formatTime(finishedAt) }),
    ...(vetoedBy && { vetoedBy }),
  }
}

/** C10: a customer's waiting restores of the last 30 days, for the staff. @throws RekeyError not_found, unavailable */
export const createListWaitingRestores =
  ({ database }: { database: Database }) =>
  async (customerId: number): Promise<WaitingRestoreList> => {
    const found = await listWaiting(database, customerId, mostListed)
    if (!found) throw noSuchResource('clientId')
    return { total: found.length, data: found.map(toShown) }
  }

export type ListWaitingRestores = ReturnType<typeof createListWaitingRestores>
