import { Type } from '@sinclair/typebox'
import { Flag } from './config.ts'

/** Variables of the least length of a new password: the password-service enforces it, pages tell it before. */
export const passwordLengthEnv = {
  REKEY_PASSWORD_MIN_LENGTH: Type.Integer({
    minimum: 8,
    maximum: 64,
    default: 8,
    description: 'Least length of a new password, in characters. With REKEY_SIGN_IN_MFA=false it is at least 15.',
  }),
  REKEY_SIGN_IN_MFA: Flag({
    default: true,
    description:
      "false: a sign-in of the platform's own, through the RPC password.verify, needs no second factor. New passwords " +
      'then have at least 15 characters (NIST SP 800-63B-4 §3.1.1.2).',
  }),
}

interface Settings {
  REKEY_PASSWORD_MIN_LENGTH: number
  REKEY_SIGN_IN_MFA: boolean
}

/** Least length of a password that is the only factor (NIST SP 800-63B-4 §3.1.1.2). */
const minLengthWithoutMfa = 15

/** Code points of a new password, at least. */
export const minPasswordLength = ({ REKEY_PASSWORD_MIN_LENGTH, REKEY_SIGN_IN_MFA }: Settings): number =>
  Math.max(REKEY_PASSWORD_MIN_LENGTH, REKEY_SIGN_IN_MFA ? 0 : minLengthWithoutMfa)

/** Code points of a new password, at most. A longer one is refused, never truncated (ASVS 6.2.8, 6.2.9). */
export const maxPasswordLength = 128
