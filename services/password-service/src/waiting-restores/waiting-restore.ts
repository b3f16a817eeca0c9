import {
  type Address,
  formatTime,
  type Veto,
  type WaitingRestoreState,
  waitingRestoreClaimHours,
} from '@rekey/contracts'

// The states of a waiting restore, and what leads from one to another. Pure: the caller has the customer locked, reads the
// time from Postgres' clock under that lock, and stores what a function returns.

/** A waiting restore as it is stored. */
export interface WaitingRestore {
  id: string
  /** `waiting` until it has an outcome. */
  state: 'waiting' | 'completed' | 'vetoed' | 'expired'
  /** Kind of the address that was proven. */
  kind: Address['kind']
  /** The challenge that opened it. */
  challengeId: string
  clientId: string
  ip: string
  /** Id of the history record of its opening. */
  changeId: number
  openedAt: Date
  /** End of the wait. */
  endsAt: Date
  /** Until then the password can be set. */
  expiresAt: Date
  /** 1: of the opening. 2: and that at half time. 3: and the last one. */
  noticesSent: number
  /** When the loop must act next. */
  actAt: Date
  finishedAt: Date | null
  vetoedBy: Veto | null
  /** When the staff ended the wait. */
  endedEarlyAt: Date | null
}

/** The times of a waiting restore, which change while it waits. */
export type WaitingTimes = Pick<WaitingRestore, 'openedAt' | 'endsAt' | 'expiresAt' | 'noticesSent' | 'actAt'>

const allNotices = 3
const hourMs = 3_600_000
const claimMs = waitingRestoreClaimHours * hourMs

const after = (time: Date, ms: number): Date => new Date(time.getTime() + ms)

/** The end of a wait in whole seconds, as answers have it: not before it has passed. */
export const formatEnd = (endsAt: Date): string => formatTime(new Date(Math.ceil(endsAt.getTime() / 1_000) * 1_000))

/** How long before the end the last notice is sent. A wait of less than two hours has it at half time. */
const leadMs = ({ openedAt, endsAt }: WaitingTimes): number =>
  Math.min(hourMs, (endsAt.getTime() - openedAt.getTime()) / 2)

/** The times of a restore that begins to wait. */
export const begin = (at: Date, waitMs: number): WaitingTimes => {
  const endsAt = after(at, waitMs)
  return { openedAt: at, endsAt, expiresAt: after(endsAt, claimMs), noticesSent: 1, actAt: after(at, waitMs / 2) }
}

/**
 * The state at a time. Without the last notice a password cannot be set, whatever the clock says: a service that was
 * down, or a clock that was set forward, must not take the time to object from the customer.
 */
export const stateAt = (restore: WaitingRestore, at: Date): WaitingRestoreState => {
  if (restore.state !== 'waiting') return restore.state
  if (at >= restore.expiresAt) return 'expired'
  return at >= restore.endsAt && restore.noticesSent === allNotices ? 'ready' : 'waiting'
}

/** True while it can be vetoed. */
export const isOpen = (restore: WaitingRestore, at: Date): boolean =>
  ['waiting', 'ready'].includes(stateAt(restore, at))

/** Vetoes by which the customer said not to have opened it. A block and a new password end it for other reasons. */
const unwanted: Veto[] = ['link', 'sign_in', 'staff']

/** A request to open one, by the first proof of a restore. */
export interface Opening {
  kind: Address['kind']
  at: Date
  /** 0: there are no waiting restores. */
  waitMs: number
}

/**
 * What an opening leads to. One restore of a customer waits: a second opening by the same method is answered with the
 * first. For the time of a wait after a veto by the customer, or by the staff whom the customer called, none is opened, so
 * that nobody wears the customer out.
 *
 * @param last the one that waits, else the latest one
 */
export const open = (
  last: WaitingRestore | undefined,
  { kind, at, waitMs }: Opening,
): { result: 'opened' | 'waits' } | { result: 'refused'; reason: 'off' | 'other_method' | 'vetoed' } => {
  if (last && isOpen(last, at)) {
    return last.kind === kind ? { result: 'waits' } : { result: 'refused', reason: 'other_method' }
  }
  if (waitMs === 0) return { result: 'refused', reason: 'off' }
  const isUnwanted = last?.vetoedBy && unwanted.includes(last.vetoedBy)
  if (isUnwanted && last.finishedAt !== null && at < after(last.finishedAt, waitMs)) {
    return { result: 'refused', reason: 'vetoed' }
  }
  return { result: 'opened' }
}

/** True if a new restore with this one proof sets the password. Its challenge is another one: the proof is given again. */
export const maySetPassword = (
  restore: WaitingRestore,
  { kind, challengeId, at }: { kind: Address['kind']; challengeId: string; at: Date },
): boolean => stateAt(restore, at) === 'ready' && restore.kind === kind && restore.challengeId !== challengeId

/**
 * Ends the wait early, by the staff: the password can be set at once, and for as long as after a full wait.
 * The notice of it takes the place of the last one; until a password is set it can be vetoed.
 */
export const endWait = (
  restore: WaitingRestore,
  at: Date,
): { result: 'ended'; times: WaitingTimes } | { result: 'refused'; reason: 'ready' | 'over' } => {
  if (!isOpen(restore, at)) return { result: 'refused', reason: 'over' }
  if (stateAt(restore, at) === 'ready') return { result: 'refused', reason: 'ready' }
  const expiresAt = after(at, claimMs)
  const { openedAt } = restore
  return { result: 'ended', times: { openedAt, endsAt: at, expiresAt, noticesSent: allNotices, actAt: expiresAt } }
}

/** What the loop does with a restore: sends a notice, ends it, or nothing yet. */
export type Due =
  | { due: 'notice'; notice: 'half' | 'last'; times: WaitingTimes }
  | { due: 'expiry' }
  | { due: 'nothing' }

/**
 * What is due at a time. A last notice that is late moves the end: there is always as much time after it. After it a
 * notice at half time has no use.
 */
export const dueAt = (restore: WaitingRestore, at: Date): Due => {
  const { openedAt, endsAt, expiresAt, noticesSent, actAt } = restore
  if (restore.state !== 'waiting') return { due: 'nothing' }
  if (at >= expiresAt) return { due: 'expiry' }
  if (at < actAt || noticesSent === allNotices) return { due: 'nothing' }
  const lead = leadMs(restore)
  const lastAt = after(endsAt, -lead)
  if (at < lastAt) {
    return { due: 'notice', notice: 'half', times: { openedAt, endsAt, expiresAt, noticesSent: 2, actAt: lastAt } }
  }
  const movedTo = new Date(Math.max(endsAt.getTime(), at.getTime() + lead))
  const ends = { endsAt: movedTo, expiresAt: after(movedTo, claimMs) }
  return {
    due: 'notice',
    notice: 'last',
    times: { openedAt, ...ends, noticesSent: allNotices, actAt: ends.expiresAt },
  }
}
