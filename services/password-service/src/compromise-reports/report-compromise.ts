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

interface Deps extends NotificationDeps {
  database: Database
}

/** Spends a link: of several transactions at once, the primary key lets one insert. @returns false if it was used */
const spendLink = async (tx: Transaction, { jti, expiresAt }: ReportLink): Promise<boolean> => {
  const inserted = await tx.$executeRaw`
    INSERT INTO spent_token (jti, expires_at) VALUES (${jti}::uuid, ${expiresAt}) ON CONFLICT DO NOTHING`
  return inserted > 0
}

/**
 * Blocks a customer who reports that a change was not theirs; from the commit on nobody signs in, restores or uses a
 * session. The history records it. Every confirmed address is notified whom to call: another person may have used the link.
 * All of it commits together or not at all (S24). A customer who is blocked already is reported again: each link is about
 * another change.
 *
 * @throws RekeyError unavailable
 */
export const reportCompromise = (
  deps: Deps,
  link: ReportLink,
  ip: string,
): Promise<{ result: 'reported'; customer: string } | { result: 'used' | 'unknown' }> =>
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
    await addEvents(tx, customer.code, at, [
      newEvent(CompromiseReported, deps.random.id(), data),
      ...(await protectionChangedNotifications(deps, { customer, addresses, change: record })),
    ])
    return { result: 'reported', customer: customer.code }
  })
