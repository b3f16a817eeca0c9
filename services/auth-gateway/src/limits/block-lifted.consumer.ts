import { BlockLifted } from '@rekey/contracts'
import { type Consumer, type ConsumerDeps, consume, PermanentError } from '@rekey/platform/consumer'
import type { Keys } from '@rekey/platform/keys'
import { unseal } from '@rekey/platform/seal'
import type { AccountKeys } from './account-keys.ts'
import type { LockoutStore } from './lockout.store.ts'

interface Deps {
  store: LockoutStore
  usernameKeys: Keys
  accountKeys: AccountKeys
}

/**
 * Clears a customer's failed attempts, under each username, once the back office has lifted the block. Usernames come
 * sealed, with the event's id as context: the gateway itself knows an account only by its HMAC.
 */
export const consumeBlockLifted = (deps: ConsumerDeps, { store, usernameKeys, accountKeys }: Deps): Consumer =>
  consume(deps, {
    event: BlockLifted,
    concurrency: 4,
    async handle({ customer, usernames }, { eventId }) {
      const open = (sealed: string) =>
        unseal<string>(usernameKeys, eventId, sealed).catch(() => {
          throw new PermanentError('a username cannot be opened')
        })
      const { ofUsername, formerOfUsername, ofCustomer, formerOfCustomer } = accountKeys
      const opened = await Promise.all(usernames.map(open))
      const accounts = opened.flatMap((username) => [ofUsername(username), ...formerOfUsername(username)])
      const person = [ofCustomer(customer), ...formerOfCustomer(customer)]
      await Promise.all([
        // An earlier version counted those of sign-in for each username.
        ...accounts.flatMap((account) => [store.clear(account, 'restore'), store.clear(account, 'login')]),
        ...person.flatMap((account) => [store.clear(account, 'login'), store.clear(account, 'change')]),
      ])
    },
  })
