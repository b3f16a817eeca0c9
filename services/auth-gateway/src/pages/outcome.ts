/** Result of the last press, if the page must say more than its step. Times are in milliseconds since 1970. */
export type Outcome =
  | { kind: 'wrongCode' | 'malformedCode' | 'verificationCode' | 'unavailable' | 'emptyPassword' }
  /** The code of an authenticator app, or a recovery code. */
  | { kind: 'wrongOtp' | 'malformedOtp' | 'wrongRecovery' | 'malformedRecovery' }
  /** A passkey that was refused, and a form without one. */
  | { kind: 'wrongPasskey' | 'noPasskey' }
  /** No answer came: the new password may be set. */
  | { kind: 'unknownResult' }
  /** A new code was sent. */
  | { kind: 'resent' }
  /** Refused until a time. */
  | { kind: 'wait'; until: number }
  /** The policy refused the password; codes of its reasons. */
  | { kind: 'refused'; reasons: string[] }
  /** Another password was set before this one was submitted. */
  | { kind: 'otherPassword' }

/** True for an error of the whole page, not of its field. */
export const isAboutPage = (outcome: Outcome | undefined): boolean =>
  outcome !== undefined && ['wait', 'unavailable', 'unknownResult', 'wrongPasskey', 'noPasskey'].includes(outcome.kind)
