import { RekeyError } from '@rekey/contracts'

const field = 'currentPassword'

/** The current password was not sent where it has to be (S18). */
export const missCurrentPassword = (): RekeyError =>
  new RekeyError('invalid_request', {
    detail: `${field} is missing.`,
    fields: [{ field, code: 'missing', message: 'is missing' }],
  })

/** What was sent is not the current password, or not any more. */
export const refuseCurrentPassword = (): RekeyError =>
  new RekeyError('current_password_wrong', { fields: [{ field, code: 'wrong', message: 'is wrong' }] })
