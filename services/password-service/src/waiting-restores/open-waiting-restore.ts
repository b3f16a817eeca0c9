import type { ProofMethod, SecondProof, WaitingRestoreOpenReply } from '@rekey/contracts'
import { lockCustomerByCode } from '../customers/lock.ts'
import { lockoutsAfter, wasLockedOut } from '../lockout/lockout.ts'
import { restoreWaitingNotifications } from '../notifications/notifications.ts'
import { channelOf } from '../notifications/recipient.ts'
import { addEvents } from '../outbox/outbox.store.ts'
import type { RunStatement } from '../statements.ts'
import { expireWithin } from './end-waiting-restore.ts'
import { begin, formatEnd, open, stateAt } from './waiting-restore.ts'
import { appendRecord, openedEvent } from './waiting-restore-events.ts'
import { findForOpening, insertWaiting, notifiedAddresses } from './waiting-restores.store.ts'
import type { WaitingDeps } from './waiting-restores.ts'

type Refused = Extract<WaitingRestoreOpenReply, { waits: false }>

const kindOf: Partial<Record<ProofMethod, 'email' | 'phone'>> = { email: 'email', sms: 'phone' }

const refused = (reason: Refused['reason']) => ({
  reply: { waits: false as const, reason },
  opened: undefined,
  lapsed: undefined,
})

/**
 * Opens a waiting restore for the holder of a grant with one proof of two, or finds the one that waits. The record, the
 * notifications and the restore commit together. The grant is not spent: the second proof can still be given.
 */
const openWithin = async (deps: WaitingDeps, run: RunStatement, proof: SecondProof, ip: string) => {
  const at = deps.now()
  const { waitMs } = deps
  const { challengeId, clientId } = proof.grant
  const [first] = proof.proofs
  const kind = first && kindOf[first.method]
  const customer = await lockCustomerByCode(run, proof.customer)
  if (!customer || customer.blocked || !kind || proof.purpose !== 'restore') return refused('grant')
  const found = await findForOpening(run, customer.id, challengeId)
  const lockouts = lockoutsAfter(found.failures, deps.lockoutScale)
  // A right code that was guessed during a lockout opens nothing (S6).
  const isLockedOut = proof.proofs.some((given) => wasLockedOut(lockouts, new Date(given.at * 1_000)))
  if (!found.isOpen || found.isSpent || isLockedOut) return refused('grant')

  const { last } = found
  const opening = open(last, { kind, at: found.at, waitMs })
  const reply = (endsAt: Date) => ({
    waits: true as const,
    waitsUntil: formatEnd(endsAt),
    timezone: customer.timezone,
  })
  if (opening.result === 'refused') return refused(opening.reason)
  if (opening.result === 'waits' && last) return { reply: reply(last.endsAt), opened: undefined, lapsed: undefined }
  // The loop may not have come to it yet.
  const hasLapsed = last?.state === 'waiting' && stateAt(last, found.at) === 'expired'
  const lapsed = hasLapsed ? await expireWithin(deps, run, customer, { restore: last, at: found.at }) : undefined

  const change = await appendRecord(run, customer, 'open_waiting_restore', { kind, clientId, ip, at })
  const times = begin(found.at, waitMs)
  const restore = { id: deps.random.id(), kind, challengeId, clientId, ip, changeId: change.id, ...times }
  await insertWaiting(run, customer.id, restore)
  const addresses = await notifiedAddresses(run, customer.id, new Date(at.getTime() - deps.newAddressMs))
  await addEvents(run, customer.code, change.createTime, [
    ...(lapsed?.events ?? []),
    openedEvent(deps.random, customer, restore, change),
    ...(await restoreWaitingNotifications(deps, { customer, addresses }, { notice: 'opened', ...restore })),
  ])
  return { reply: reply(times.endsAt), opened: { kind, clientId, endsAt: times.endsAt }, lapsed }
}

/**
 * Opens a waiting restore (challenge type `unavailable` at A4b).
 *
 * @throws RekeyError unavailable
 */
export const openWaitingRestore = async (
  deps: WaitingDeps,
  proof: SecondProof,
  ip: string,
): Promise<WaitingRestoreOpenReply> => {
  // From here on no wrong code that its sender knows of is missing (S42).
  await deps.failuresSeen()
  const { reply, opened, lapsed } = await deps.database.runTransaction((run) => openWithin(deps, run, proof, ip))
  lapsed?.report()
  if (opened) {
    const { kind, clientId, endsAt: until } = opened
    const channel = channelOf(kind)
    deps.waitingMetrics.count('opened')
    deps.log.event('authn_restore_waiting', { customer: proof.customer, channel, clientId, address: ip, until })
  }
  return reply
}
