import type { EventData, LoginSucceeded, Veto, WaitingRestoreVetoReply } from '@rekey/contracts'
import { type LockedCustomer, lockCustomer } from '../customers/lock.ts'
import { type ReportLink, readReportLink } from '../notifications/report-links.ts'
import { addEvents } from '../outbox/outbox.store.ts'
import { clockSlackMs } from '../sessions/sessions.store.ts'
import type { AnyTransaction } from '../statements.ts'
import { type Ended, vetoWithin } from './end-waiting-restore.ts'
import { isOpen } from './waiting-restore.ts'
import { findByRecord, findWaiting, findWaitingCustomer } from './waiting-restores.store.ts'
import type { WaitingDeps } from './waiting-restores.ts'

/**
 * Vetoes the restore of a locked customer that waits, if there is one, within the transaction of a block.
 *
 * @returns undefined if none waits
 */
export const vetoOfCustomer = async (
  deps: WaitingDeps,
  tx: AnyTransaction,
  customer: LockedCustomer,
  by: Veto,
): Promise<Ended | undefined> => {
  const waiting = await findWaiting(tx, customer.id)
  return waiting && isOpen(waiting.restore, waiting.at) ? vetoWithin(deps, tx, customer, waiting, { by }) : undefined
}

/** What the link of a notification leads to. It is not spent: a second press finds the restore vetoed. */
const vetoByLinkWithin = async (deps: WaitingDeps, tx: AnyTransaction, link: ReportLink, ip: string) => {
  const customer = await lockCustomer(tx, link.customerId)
  const found = customer && (await findByRecord(tx, customer.id, link.changeId))
  if (!found) return { result: 'invalid' as const }
  const { code } = customer
  const { restore, at } = found
  if (restore.state === 'vetoed' || restore.state === 'completed') return { result: restore.state, code }
  if (!isOpen(restore, at) || deps.now() >= link.expiresAt) return { result: 'over' as const, code }
  const ended = await vetoWithin(deps, tx, customer, found, { by: 'link', ip })
  await addEvents(tx, code, deps.now(), ended.events)
  return { result: 'vetoed' as const, code, ended }
}

/** Vetoes a restore by the link of one of its notifications. @throws RekeyError unavailable */
export const vetoByLink = async (
  deps: WaitingDeps,
  token: string,
  ip: string,
): Promise<WaitingRestoreVetoReply['result']> => {
  const { database, keys, log } = deps
  const link = await readReportLink(database, keys, token)
  const { result, code, ended } = link
    ? await database.runTransaction((run) => vetoByLinkWithin(deps, run, link, ip))
    : { result: 'invalid' as const }
  ended?.report()
  if (result !== 'vetoed') {
    log.event('authn_restore_veto_fail', { ...(code !== undefined && { customer: code }), address: ip, reason: result })
  }
  return result
}

/**
 * Vetoes the restore of a customer who signed in: who can sign in needs none, and whoever opened it is somebody else, or
 * has found the phone. A sign-in from before the opening vetoes nothing, except within what clocks may differ by: one
 * veto too many costs the customer a wait, one too few the account.
 *
 * @throws RekeyError unavailable
 */
export const vetoBySignIn = async (
  deps: WaitingDeps,
  { customer: code, ip }: Pick<EventData<typeof LoginSucceeded>, 'customer' | 'ip'>,
  signedInAt: Date,
): Promise<void> => {
  // Without a lock first: few customers have a restore that waits.
  const customerId = await findWaitingCustomer(deps.database, code)
  if (customerId === undefined) return
  const ended = await deps.database.runTransaction(async (run) => {
    const customer = await lockCustomer(run, customerId)
    const waiting = customer && (await findWaiting(run, customerId))
    if (!waiting || !isOpen(waiting.restore, waiting.at)) return undefined
    if (signedInAt.getTime() < waiting.restore.openedAt.getTime() - clockSlackMs) return undefined
    const vetoed = await vetoWithin(deps, run, customer, waiting, { by: 'sign_in', ip })
    await addEvents(run, code, deps.now(), vetoed.events)
    return vetoed
  })
  ended?.report()
}
