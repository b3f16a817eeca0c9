import { Type } from '@sinclair/typebox'

/** Codes that are sent for one challenge at most: the default of the published contract's vendor. */
export const maxSendsPerChallenge = 5

/** Variable of the wait between two codes of one challenge. */
export const resendEnv = {
  REKEY_RESEND_SECONDS: Type.Integer({
    minimum: 1,
    maximum: 600,
    default: 60,
    description: 'Wait before a code may be sent again, in seconds.',
  }),
}

interface Settings {
  REKEY_RESEND_SECONDS: number
  /** Divides the wait, for load tests. */
  REKEY_LIMITS_SCALE: number
}

export const resendCooldownMs = ({ REKEY_RESEND_SECONDS, REKEY_LIMITS_SCALE }: Settings): number =>
  Math.ceil((REKEY_RESEND_SECONDS * 1_000) / REKEY_LIMITS_SCALE)
