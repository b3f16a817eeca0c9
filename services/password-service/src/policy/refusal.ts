import { type FieldError, type PasswordReason, RekeyError } from '@rekey/contracts'

/** Why a password will not do, in words that end a sentence about it. */
export interface Reason extends Omit<FieldError, 'field'> {
  code: PasswordReason
}

/** Tells every reason. */
export const refusePassword = (reasons: Reason[]): RekeyError =>
  new RekeyError('password_refused', {
    detail: `The password ${reasons.map(({ message }) => message).join('; ')}.`,
    fields: reasons.map((reason) => ({ field: 'password', ...reason })),
  })
