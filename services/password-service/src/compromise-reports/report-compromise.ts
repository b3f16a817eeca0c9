import { CompromiseReported } from '@rekey/contracts'
import { block } from '../customers/block.ts'
import { confirmedAddresses } from '../customers/confirmed-addresses.ts'
import { lockCustomer } from '../customers/lock.ts'
import type { Database, Transaction } from '../database.ts'
import { appendChange } from '../history/history.store.ts'
import { type NotificationDeps, protectionChangedNotifications } from '../notifications/notifications.ts'
import type { ReportLink } from '../notifications/report-links.ts'
import { newEvent } from '../outbox/event.ts'
import { addEvents } from '../outbox/outbox.store.ts'
import type { Ended } from '../waiting-restores/end-waiting-restore.ts'
import type { WaitingRestoresFeature } from '../waiting-restores/waiting-restores.feature.ts'

interface Deps extends NotificationDeps {
  database: Database
  waitingRestores: Pick<WaitingRestoresFeature, 'veto'>
}

/** Spends a link: of several transactions at once, the primary key lets one insert. @returns false if it was used */
const spendLink = async (tx: Transaction, { jti, expiresAt }: ReportLink): Promise<boolean> => {
  const inserted = await tx.$executeRaw`
    INSERT INTO spent_token (jti, expires_at) VALUES (${jti}::uuid, ${expiresAt}) ON CONFLICT DO NOTHING`
  return inserted > 0
}

interface Reported {
  result: 'reported'
  customer: string
}

/** The transaction of a report. */
const blockReported = (
  deps: Deps,
  link: ReportLink,
  ip: string,
): Promise<(Reported | { result: 'used' | 'unknown' }) & { vetoed?: Ended | undefined }> =>
  deps.database.transaction(async (tx) => {
    const at = deps.now()
    const { customerId, changeId, channel } = link
    const customer = await lockCustomer(tx, customerId)
    if (!customer) return { result: 'unknown' }
    if (!(await spendLink(tx, link))) return { result: 'used' }
    const sessionEpoch = await block(tx, customerId, at)
    const { code } = customer
    const record = await appendChange(tx, {
      customerId,
      type: 'restored',
      operation: 'block',
      actor: 'client',
      actorId: code,
      clientId: '',
      channel,
      ip,
      createTime: at,
    })
    const chained = { recordId: record.id, digest: record.digest }
    const data = { customer: code, customerId, changeId, channel, ip, sessionEpoch, ...chained }
    const addresses = await confirmedAddresses(tx, customerId)
    const vetoed = await deps.waitingRestores.veto(tx, customer, 'block')
    await addEvents(tx, customer.code, at, [
      newEvent(CompromiseReported, deps.random.id(), data),
      ...(await protectionChangedNotifications(deps, { customer, addresses, change: record })),
      ...(vetoed?.events ?? []),
    ])
    return { result: 'reported', customer: customer.code, vetoed }
  })

/**
 * Blocks a customer who reports that a change was not theirs; from the commit on nobody signs in, restores or uses a
 * session. The history records it. Every confirmed address is notified whom to call: another person may have used the link.
 * A restore that waits is vetoed.
 * All of it commits together or not at all (S24). A customer who is blocked already is reported again: each link is about
 * another change.
 *
 * @throws RekeyError unavailable
 */
export const reportCompromise = async (
  deps: Deps,
  link: ReportLink,
  ip: string,
): Promise<Reported | { result: 'used' | 'unknown' }> => {
  const { vetoed, ...reported } = await blockReported(deps, link, ip)
  vetoed?.report()
  return reported
}
