import { lockoutAttempts, missingField, RekeyError } from '@rekey/contracts'
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

const anotherThanRequested = (field: string): RekeyError => {
  const message = 'is not that of the request for the code'
  return new RekeyError('invalid_request', {
    detail: `${field} ${message}.`,
    fields: [{ field, code: 'not_allowed', message }],
  })
}

/** An answer that cannot be used is refused before its code is spent or compared. */
export const unusable = {
  scope: () => new RekeyError('invalid_scope'),
  no_code_challenge: () => missingField('code_challenge'),
  other_code_challenge: () => anotherThanRequested('code_challenge'),
  other_redirect_uri: () => anotherThanRequested('redirect_uri'),
}
