import { BlockLifted } from '@rekey/contracts'
import { type Consumer, type ConsumerDeps, consume } from '@rekey/platform/consumer'
import type { AccountKeys } from './account-keys.ts'
import type { LockoutStore } from './lockout.store.ts'
import type { ReopenLogins } from './reopen-logins.ts'

interface Deps {
  store: LockoutStore
  accountKeys: AccountKeys
  reopenLogins: ReopenLogins
}

/** Clears a customer's failed attempts and wrong passwords, under each username, once the back office has lifted the block. */
export const consumeBlockLifted = (deps: ConsumerDeps, { store, accountKeys, reopenLogins }: Deps): Consumer =>
  consume(deps, {
    event: BlockLifted,
    concurrency: 4,
    async handle({ customer, usernames }, { eventId }) {
      const { ofCustomer, formerOfCustomer } = accountKeys
      const accounts = await reopenLogins(usernames, eventId)
      const person = [ofCustomer(customer), ...formerOfCustomer(customer)]
      await Promise.all([
        // An earlier version counted those of sign-in for each username.
        ...accounts.flatMap((account) => [store.clear(account, 'restore'), store.clear(account, 'login')]),
        ...person.flatMap((account) => [store.clear(account, 'login'), store.clear(account, 'change')]),
      ])
    },
  })
