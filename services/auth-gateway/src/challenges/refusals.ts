import { lockoutAttempts, RekeyError } from '@rekey/contracts'
import { hashForLog, type Logger } from '@rekey/platform/logger'
import type { ChallengeName } from './challenge.ts'

export const tooManyRequests = (waitMs: number, allowance: number, name: string): RekeyError =>
  new RekeyError('too_many_requests', { retryAfterSeconds: Math.ceil(waitMs / 1_000), allowance, policy: { name } })

interface LockedOutCaller {
  clientId: string
  customer?: string
  address: string
}

/**
 * Refuses a request during a lockout of its account, and logs it. Only for callers that have proven a password or a
 * bearer token of the account: a restore must not reveal the lockout.
 */
export const refuseLockedOut = (
  log: Logger,
  { account, purpose }: ChallengeName,
  waitMs: number,
  { address, ...caller }: LockedOutCaller,
): RekeyError => {
  const error = tooManyRequests(waitMs, lockoutAttempts, 'lockout')
  const { retryAfterSeconds } = error
  const line = { reason: 'locked_out', purpose, retryAfterSeconds, address } as const
  log.event('authn_challenge_fail', { ...line, ...caller, account: hashForLog(account) }, 'refused during a lockout')
  return error
}

/** Why the code of a restore is suppressed, in the words of the event; undefined if it is sent. */
export const suppressedBy = (result: 'ok' | 'suppressed', isOverQuota: boolean) => {
  if (result === 'suppressed') return 'budget'
  return isOverQuota ? 'limit' : undefined
}
