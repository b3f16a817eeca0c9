import { RekeyError } from '@rekey/contracts'
import type { Hasher } from '../hashing/hasher.ts'
import type { NotificationDeps } from '../notifications/notifications.ts'
import { type SealedPassword, sealTemporaryPassword } from '../notifications/temporary-password.ts'

/** A password that is ready to be stored; nothing in it can be read by this service. */
export interface PreparedPassword {
  hash: string
  /** Works for one sign-in within a day, at which it must be changed. True whenever somebody else knows the password. */
  isTemporary: boolean
  /** A temporary password that is sent to the customer, sealed for the notifier. */
  mailed?: SealedPassword | undefined
}

interface Deps extends Pick<NotificationDeps, 'keys' | 'random'> {
  hasher: Hasher
}

/** The password sent is not the current one, or no longer. */
export const refuseCurrentPassword = (): RekeyError =>
  new RekeyError('current_password_wrong', {
    fields: [{ field: 'currentPassword', code: 'wrong', message: 'is wrong' }],
  })

/**
 * Hashes a password that has passed the policy, and seals one that is sent to the customer. Before the transaction: no row stays locked
 * while a hash is computed or waits for its turn.
 *
 * @throws RekeyError unavailable
 */
export const preparePassword = async (
  { hasher, ...sealing }: Deps,
  password: string,
  { isTemporary, isMailed = false }: { isTemporary: boolean; isMailed?: boolean },
): Promise<PreparedPassword> => {
  const hash = await hasher.hash(password)
  return isMailed
    ? { hash, isTemporary, mailed: await sealTemporaryPassword(sealing, password) }
    : { hash, isTemporary }
}
