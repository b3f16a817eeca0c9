import { RekeyError } from '@rekey/contracts'
import type { TokenClaims } from '@rekey/platform/auth'
import { confirmedAddresses } from '../customers/confirmed-addresses.ts'
import { type LockedCustomer, lockCustomer } from '../customers/lock.ts'
import { endRestores, endRestoresExcept } from '../customers/restore-requests.ts'
import type { Database, Transaction } from '../database.ts'
import { appendChange } from '../history/history.store.ts'
import { resetFailedAttempts } from '../lockout/failed-attempts.store.ts'
import { wasLockedOutAt } from '../lockout/lockout.service.ts'
import { addEvents } from '../outbox/outbox.store.ts'
import { keepFormerPassword } from '../policy/former-passwords.store.ts'
import { endSessions, isSessionEnded, sessionOf } from '../sessions/sessions.store.ts'
import { type ApprovalDecision, decideApproval } from '../staff/decide-approval.ts'
import { type PreparedPassword, storeCredential } from './credential.ts'
import { type Grant, refuseGrant, spendGrant } from './grant.ts'
import { type Operation, type PasswordEventDeps, passwordEvents } from './password-events.ts'

export interface ReplaceDeps extends PasswordEventDeps {
  database: Database
  /** How long withdrawals should wait after a restore; 0: no hold. */
  holdMs: number
  /** How many of a customer's former passwords are kept. */
  formerPasswords: number
  /** Divides the duration of lockouts. */
  lockoutScale: number
}

/** The sender of the request. */
export interface Requester {
  /** Token subject. Undefined for a restore: its customer is known by the challenge only. */
  id?: string
  clientId: string
  /** Address the request came from. */
  ip: string
}

interface Replacement {
  customerId: number
  password: PreparedPassword
  operation: Operation
  by: Requester
  /** Spent with the change. The back office needs none. */
  grant?: Grant
  /** The access token of the customer who changes the password. Its session goes on. */
  bearer?: TokenClaims
  /** The hash that the current password was verified against, if it was asked for. */
  verifiedHash?: string | undefined
  /** The approval of a second person, decided with the change. */
  approval?: ApprovalDecision | undefined
}

/** All requests come over HTTP so far; `actor` says who sent them. */
const channel = 'api'

const temporaryPasswordMs = 24 * 3_600_000

/** Checks again, now that the customer is locked, what may have changed while the password was hashed (ASVS 15.4.2). */
const assertStillAllowed = async (
  tx: Transaction,
  customer: LockedCustomer,
  { grant, bearer }: Replacement,
  lockoutScale: number,
): Promise<void> => {
  if (bearer && (await isSessionEnded(tx, bearer))) throw new RekeyError('invalid_token')
  if (!grant) return
  if (await isSessionEnded(tx, grant.claims)) throw refuseGrant('session ended')
  if (customer.blocked) throw refuseGrant('customer blocked')
  if (grant.purpose !== 'restore') return
  // A right code that was guessed during a lockout restores nothing (S6).
  const codeGivenAt = new Date(grant.claims.iat * 1_000)
  if (await wasLockedOutAt(tx, customer.id, { at: codeGivenAt, scale: lockoutScale })) throw refuseGrant('locked out')
}

/** Ends the customer's restores: their codes may have reached those whom the new password is to keep out. */
const endOtherRestores = async (tx: Transaction, customerId: number, grant: Grant | undefined): Promise<void> => {
  if (!grant) return endRestores(tx, [customerId])
  const isOpen = await endRestoresExcept(tx, customerId, grant.challengeId)
  if (grant.purpose === 'restore' && !isOpen) throw refuseGrant('restore ended')
}

/** A restore needs no more than a code, so that its sender may not be the customer: withdrawals wait. */
const holdUntil = (operation: Operation, at: Date, holdMs: number, { holdUntil: current }: LockedCustomer) => {
  if (holdMs === 0 || (operation !== 'restore' && operation !== 'reset')) return undefined
  // A shorter hold, such as after REKEY_HOLD_HOURS was lowered, does not cut short the current one.
  return new Date(Math.max(at.getTime() + holdMs, current?.getTime() ?? 0))
}

const setHold = async (tx: Transaction, customerId: number, until: Date) => {
  await tx.customer.update({ where: { id: customerId }, data: { holdUntil: until } })
}

/**
 * Replaces a customer's password: the only place that does. Grant, password, history and events commit together or not
 * at all (S24, ASVS 2.3.3).
 *
 * @throws RekeyError success_token_refused, invalid_token, current_password_wrong, already_decided, unavailable
 */
export const replacePassword = (deps: ReplaceDeps, request: Replacement): Promise<void> =>
  deps.database.transaction(async (tx) => {
    const { operation, by, grant, bearer, verifiedHash, approval } = request
    const { hash, temporary } = request.password
    const byBackOffice = operation === 'set'
    const at = deps.now()
    const temporaryUntil = temporary ? new Date(at.getTime() + temporaryPasswordMs) : null
    const keptSession = bearer && sessionOf(bearer)

    const customer = await lockCustomer(tx, request.customerId)
    if (!customer) throw new Error('a customer whose password is replaced is gone')
    if (approval) await decideApproval(tx, approval)
    await assertStillAllowed(tx, customer, request, deps.lockoutScale)
    if (grant) await spendGrant(tx, grant)
    if (grant?.purpose === 'restore') await resetFailedAttempts(tx, customer.id, at)
    await endOtherRestores(tx, customer.id, grant)

    await keepFormerPassword(tx, customer.id, { kept: deps.formerPasswords, at })
    await storeCredential(tx, customer.id, { hash, mustChange: temporary !== undefined, temporaryUntil, verifiedHash })
    const change = await appendChange(tx, {
      customerId: customer.id,
      type: byBackOffice ? 'changed' : 'restored',
      operation,
      actor: byBackOffice ? 'back_office' : 'client',
      actorId: by.id ?? customer.code,
      clientId: by.clientId,
      channel,
      ip: by.ip,
      createTime: at,
      holdUntil: holdUntil(operation, at, deps.holdMs, customer),
    })
    const sessionEpoch = await endSessions(tx, customer.id, { at: change.createTime, kept: keptSession })
    if (change.holdUntil) await setHold(tx, customer.id, change.holdUntil)

    const events = await passwordEvents(deps, {
      customer,
      change,
      addresses: await confirmedAddresses(tx, customer.id),
      sessionEpoch,
      operation,
      keptSession,
      approvedBy: approval?.by,
      temporary: temporary && temporaryUntil ? { sealed: temporary, expiresAt: temporaryUntil } : undefined,
    })
    await addEvents(tx, customer.code, change.createTime, events)
  })
