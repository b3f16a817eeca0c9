import { RekeyError } from '@rekey/contracts'

/** What was sent is not the current password, or not any more. */
export const refuseCurrentPassword = (): RekeyError =>
  new RekeyError('current_password_wrong', {
    fields: [{ field: 'currentPassword', code: 'wrong', message: 'is wrong' }],
  })
