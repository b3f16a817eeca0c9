import { type FieldError, type PasswordReason, RekeyError } from '@rekey/contracts'

/** Why a password is refused. The message completes the sentence "The password …". */
export interface Reason extends Omit<FieldError, 'field'> {
  code: PasswordReason
}

/** The error that lists every reason. */
export const refusePassword = (reasons: Reason[]): RekeyError =>
  new RekeyError('password_refused', {
    detail: `The password ${reasons.map(({ message }) => message).join('; ')}.`,
    fields: reasons.map((reason) => ({ field: 'password', ...reason })),
  })
