import type { AccountKeys } from './account-keys.ts'
import type { LockoutStore } from './lockout.store.ts'
import type { ReopenLogins } from './reopen-logins.ts'

interface Deps {
  store: LockoutStore
  accountKeys: AccountKeys
  reopenLogins: ReopenLogins
}

/** Clears what the gateway counts of a customer: failed attempts and wrong passwords, under each username. */
export const createClearCounts =
  ({ store, accountKeys, reopenLogins }: Deps) =>
  /** Safe to repeat. @throws PermanentError if a username cannot be opened, RekeyError unavailable */
  async (customer: string, usernames: readonly string[], eventId: string): Promise<void> => {
    const { ofCustomer, formerOfCustomer } = accountKeys
    const accounts = await reopenLogins(usernames, eventId)
    const person = [ofCustomer(customer), ...formerOfCustomer(customer)]
    await Promise.all([
      // An earlier version counted those of sign-in for each username.
      ...accounts.flatMap((account) => [store.clear(account, 'restore'), store.clear(account, 'login')]),
      ...person.flatMap((account) => [
        store.clear(account, 'login'),
        store.clear(account, 'change'),
        // Second proofs count there.
        store.clear(account, 'restore'),
      ]),
    ])
  }

export type ClearCounts = ReturnType<typeof createClearCounts>
