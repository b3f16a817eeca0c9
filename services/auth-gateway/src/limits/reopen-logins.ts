import { PermanentError } from '@rekey/platform/consumer'
import type { Keys } from '@rekey/platform/keys'
import { unseal } from '@rekey/platform/seal'
import type { AccountKeys } from './account-keys.ts'

interface Deps {
  usernameKeys: Keys
  accountKeys: AccountKeys
  /** @throws RekeyError unavailable */
  reopenLogin(account: string, id: string): Promise<void>
}

/**
 * Reopens a customer's sign-in under each username (S49). Usernames come sealed, with the event's id as context: the
 * gateway itself knows an account only by its HMAC.
 */
export const createReopenLogins =
  ({ usernameKeys, accountKeys, reopenLogin }: Deps) =>
  /**
   * Safe to repeat.
   *
   * @returns the account keys
   * @throws PermanentError if a username cannot be opened, RekeyError unavailable
   */
  async (usernames: readonly string[], eventId: string): Promise<string[]> => {
    const open = (sealed: string) =>
      unseal<string>(usernameKeys, eventId, sealed).catch(() => {
        throw new PermanentError('a username cannot be opened')
      })
    const { ofUsername, formerOfUsername } = accountKeys
    const opened = await Promise.all(usernames.map(open))
    const accounts = opened.flatMap((username) => [ofUsername(username), ...formerOfUsername(username)])
    await Promise.all(accounts.map((account) => reopenLogin(account, eventId)))
    return accounts
  }

export type ReopenLogins = ReturnType<typeof createReopenLogins>
