import { noSuchResource, type PasswordOperation, RekeyError } from '@rekey/contracts'
import type { TokenClaims } from '@rekey/platform/auth'
import { type LockedCustomer, lockCustomer } from '../customers/lock.ts'
import type { OpenRestore } from '../customers/restore-requests.ts'
import { temporaryPasswordAddress } from '../customers/second-channel.ts'
import type { Database } from '../database.ts'
import type { ChainedChange } from '../history/digest.ts'
import { appendChange } from '../history/history.store.ts'
import { lockoutsAfter, wasLockedOut } from '../lockout/lockout.ts'
import { channelOf } from '../notifications/recipient.ts'
import { addEvents } from '../outbox/outbox.store.ts'
import { keepFormerPassword } from '../policy/former-passwords.store.ts'
import { isSessionEndedWithin, sessionOf } from '../sessions/sessions.store.ts'
import { judgeAct, type ProofRule } from '../staff/customer-proof.ts'
import type { ApprovalDecision } from '../staff/decide-approval.ts'
import type { Mandate } from '../staff/staff.ts'
import type { RunStatement } from '../statements.ts'
import { completeWithin, type Ended, vetoWithin } from '../waiting-restores/end-waiting-restore.ts'
import { isOpen } from '../waiting-restores/waiting-restore.ts'
import type { WaitingDeps } from '../waiting-restores/waiting-restores.ts'
import type { PreparedPassword } from './credential.ts'
import { type Grant, refuseGrant } from './grant.ts'
import { type PasswordEventDeps, passwordEvents } from './password-events.ts'
import { type HoldReason, lockedOut, type PasswordMetrics } from './password-metrics.ts'
import { type EnoughProofs, isByYoungMethod, type ProofStanding, type SecondProofs } from './second-proof.ts'
import { readStanding, type Standing } from './standing.ts'
import { storePassword } from './store-password.ts'

export interface ReplaceDeps extends PasswordEventDeps, ProofRule {
  database: Database
  /** How long withdrawals should wait after a new password that others may know; 0: no hold. */
  holdMs: number
  /** False if no message reaches a phone number. */
  smsCodes: boolean
  /** How long a new address is young, and a removed one is told of new passwords. */
  newAddressMs: number
  /** How many of a customer's former passwords are kept. */
  formerPasswords: number
  /** Divides the duration of lockouts. */
  lockoutScale: number
  passwordMetrics: PasswordMetrics
  secondProofs: SecondProofs
  waitingRestores: WaitingDeps
}

/** The sender of the request. */
export interface Requester extends Partial<Pick<Mandate, 'approvedBy' | 'reason'>> {
  /** Token subject. Undefined for a restore: its customer is known by the challenge only. */
  id?: string
  clientId: string
  /** Address the request came from. */
  ip: string
}

interface Replacement {
  customerId: number
  password: PreparedPassword
  operation: PasswordOperation
  by: Requester
  /** Spent with the change. The back office needs none. */
  grant?: Grant
  /** Why the grant of a restore had enough proofs, before the customer was locked. */
  basis?: EnoughProofs
  /** The access token of the customer who changes the password. Its session goes on. */
  bearer?: TokenClaims
  /** The hash that the current password was verified against, if it was asked for. */
  verifiedHash?: string | undefined
  /** The approval of a second person, decided with the change. */
  approval?: ApprovalDecision | undefined
}

/** The customer gained a method while the password was hashed, so that the grant has too few proofs now. */
export class ProofsOutdated extends Error {
  readonly standing: ProofStanding
  constructor(standing: ProofStanding) {
    super('the grant has too few proofs')
    this.standing = standing
  }
}

/** The channel that the restore's code came by; else that of the request: all come over HTTP so far. */
const changeChannel = (restore: OpenRestore | undefined) => (restore?.kind ? channelOf(restore.kind) : 'api')

const temporaryPasswordMs = 24 * 3_600_000

/** Checks again, now that the customer is locked, what may have changed while the password was hashed (ASVS 15.4.2). */
const assertStillAllowed = async (
  run: RunStatement,
  customer: LockedCustomer,
  { grant, bearer, basis: earlier }: Replacement,
  standing: Standing,
  { lockoutScale, secondProofs }: Pick<ReplaceDeps, 'lockoutScale' | 'secondProofs'>,
): Promise<void> => {
  if (bearer && (await isSessionEndedWithin(run, bearer))) throw new RekeyError('invalid_token')
  if (!grant) return
  if (await isSessionEndedWithin(run, grant.claims)) throw refuseGrant('session ended')
  if (customer.blocked) throw refuseGrant('customer blocked')
  const { restore, failures } = standing
  const basis = secondProofs.basisOf(grant, standing, restore?.kind)
  // A restore that has waited counts only if the sign-ins that veto it were looked for: they are if it counted before.
  if (basis === 'too_few' || (basis === 'waited' && earlier !== 'waited')) throw new ProofsOutdated(standing)
  if (grant.purpose !== 'restore') return
  // A right code that was guessed during a lockout restores nothing (S6).
  const lockouts = lockoutsAfter(failures, lockoutScale)
  if (grant.provenTimes.some((at) => wasLockedOut(lockouts, at))) throw refuseGrant(lockedOut)
  if (!restore) throw refuseGrant('restore ended')
}

/** The refusal of a request whose customer was erased while the password was hashed. */
const refuseUnknown = ({ grant, bearer }: Replacement): RekeyError => {
  if (bearer) return new RekeyError('invalid_token')
  return grant ? refuseGrant('no such customer') : noSuchResource('clientId')
}

/**
 * The hold of a restore over a young address, or by a young factor, is longer by the time that these are young (S43, S57):
 * the customer may not have seen yet that it was added.
 */
const holdMsOf = ({ holdMs, newAddressMs }: ReplaceDeps, isYoung: boolean): number =>
  holdMs > 0 && isYoung ? holdMs + newAddressMs : holdMs

const isOverYoungAddress = ({ newAddressMs }: ReplaceDeps, restore: OpenRestore | undefined, at: Date): boolean =>
  restore?.youngSince != null && at.getTime() - restore.youngSince.getTime() < newAddressMs

/**
 * A restore needs no more than a code, so that its sender may not be the customer; and the staff know a password that
 * they set (ASVS 6.4.6): withdrawals wait. A change needs a session and a code.
 */
const holdUntil = (operation: PasswordOperation, at: Date, holdMs: number, { holdUntil: current }: LockedCustomer) => {
  if (holdMs === 0 || operation === 'change') return undefined
  // A shorter hold, such as after REKEY_HOLD_HOURS was lowered, does not cut short the current one.
  return new Date(Math.max(at.getTime() + holdMs, current?.getTime() ?? 0))
}

/** The new password ends a restore that waits: it is its own, after the wait, or came in another way. */
const endWaitingRestore = async (
  { waitingRestores, secondProofs }: ReplaceDeps,
  run: RunStatement,
  customer: LockedCustomer,
  { waiting, ...standing }: Standing,
  { grant, change }: { grant: Grant | undefined; change: ChainedChange },
): Promise<Ended | undefined> => {
  if (!waiting || !isOpen(waiting.restore, waiting.at)) return undefined
  const isItsOwn = grant && secondProofs.basisOf(grant, { ...standing, waiting }, standing.restore?.kind) === 'waited'
  if (isItsOwn) return completeWithin(waitingRestores, run, customer, waiting, change)
  return vetoWithin(waitingRestores, run, customer, waiting, { by: 'new_password' })
}

/** A password that was replaced, for the metrics. */
interface Replaced {
  at: Date
  /** The channel that the restore's code came by. */
  channel: 'email' | 'sms' | 'none'
  provenAt: Date | undefined
}

const holdReasonOf = (operation: PasswordOperation, isYoung: boolean): HoldReason => {
  if (operation === 'set') return 'staff'
  if (isYoung) return 'young_address'
  return operation === 'reset' ? 'temporary' : 'restore'
}

/**
 * Replaces a customer's password: the only place that does. Grant, password, history and events commit together or not
 * at all (S24, ASVS 2.3.3).
 *
 * @throws RekeyError success_token_refused, invalid_token, current_password_wrong, customer_not_verified, already_decided,
 * unavailable
 */
export const replacePassword = async (deps: ReplaceDeps, request: Replacement): Promise<Replaced> => {
  const { holdReason, ended, ...replaced } = await deps.database.runTransaction(async (run) => {
    const { operation, by, grant, bearer, verifiedHash, approval } = request
    const { hash, isTemporary, mailed } = request.password
    const byBackOffice = operation === 'set'
    const at = deps.now()
    const temporaryUntil = isTemporary ? new Date(at.getTime() + temporaryPasswordMs) : null
    const keptSession = bearer && sessionOf(bearer)

    const customer = await lockCustomer(run, request.customerId)
    if (!customer) throw refuseUnknown(request)
    const proof = byBackOffice
      ? await judgeAct(run, deps, { customerId: customer.id, by: { id: by.id ?? '' }, approval, at })
      : 'not_required'
    const lostAfter = new Date(at.getTime() - deps.newAddressMs)
    const standing = await readStanding(run, customer.id, { grant, lostAfter })
    await assertStillAllowed(run, customer, request, standing, deps)
    const { restore, addresses, formerAddresses } = standing
    const temporaryTo = mailed && temporaryPasswordAddress(addresses, restore?.kind, deps)
    const isByYoung = grant?.purpose === 'restore' && isByYoungMethod(grant, standing)
    const isYoung = isByYoung || isOverYoungAddress(deps, restore, at)

    const change = await appendChange(run, {
      customerId: customer.id,
      type: byBackOffice ? 'changed' : 'restored',
      operation,
      actor: byBackOffice ? 'back_office' : 'client',
      actorId: by.id ?? customer.code,
      clientId: by.clientId,
      channel: changeChannel(restore),
      ip: by.ip,
      approvedBy: by.approvedBy,
      reason: by.reason,
      createTime: at,
      holdUntil: holdUntil(operation, at, holdMsOf(deps, isYoung), customer),
    })
    await keepFormerPassword(run, customer.id, { kept: deps.formerPasswords, at })
    const sessionEpoch = await storePassword(run, customer.id, {
      hash,
      mustChange: isTemporary,
      temporaryUntil,
      verifiedHash,
      grant,
      at,
      endedAt: change.createTime,
      keptSession,
      holdUntil: change.holdUntil ?? undefined,
      passwordChannel: (temporaryTo ?? restore)?.kind ?? null,
    })

    const events = await passwordEvents(deps, {
      customer,
      change,
      addresses: [...addresses, ...formerAddresses],
      sessionEpoch,
      operation,
      keptSession,
      approvedBy: by.approvedBy,
      unverified: proof === 'overridden',
      temporary:
        mailed && temporaryTo && temporaryUntil
          ? { sealed: mailed, to: temporaryTo, expiresAt: temporaryUntil }
          : undefined,
    })
    const ended = await endWaitingRestore(deps, run, customer, standing, { grant, change })
    await addEvents(run, customer.code, change.createTime, [...events, ...(ended?.events ?? [])])
    return {
      ended,
      at,
      channel: restore?.kind ? channelOf(restore.kind) : ('none' as const),
      provenAt: grant?.provenAt,
      holdReason: change.holdUntil ? holdReasonOf(operation, isYoung) : undefined,
    }
  })
  ended?.report()
  if (holdReason) deps.passwordMetrics.holdStarted(holdReason)
  return replaced
}
