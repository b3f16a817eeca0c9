import type { KeyObject } from 'node:crypto'
import { BlockLifted } from '@rekey/contracts'
import { type Consumer, type ConsumerDeps, consume, PermanentError } from '@rekey/platform/consumer'
import { unseal } from '@rekey/platform/seal'
import type { AccountKeys } from './account-keys.ts'
import type { LockoutStore } from './lockout.store.ts'

interface Deps {
  store: LockoutStore
  usernameKey: KeyObject
  accountKeys: AccountKeys
}

/**
 * Clears a customer's failed attempts, under each username, once the back office has lifted the block. Usernames come
 * sealed, with the event's id as context: the gateway itself knows an account only by its HMAC.
 */
export const consumeBlockLifted = (deps: ConsumerDeps, { store, usernameKey, accountKeys }: Deps): Consumer =>
  consume(deps, {
    event: BlockLifted,
    concurrency: 4,
    async handle({ customer, usernames }, { eventId }) {
      const open = (sealed: string) =>
        unseal<string>(usernameKey, eventId, sealed).catch(() => {
          throw new PermanentError('a username cannot be opened')
        })
      const accounts = (await Promise.all(usernames.map(open))).map(accountKeys.ofUsername)
      const person = accountKeys.ofCustomer(customer)
      await Promise.all([
        // An earlier version counted those of sign-in for each username.
        ...accounts.flatMap((account) => [store.clear(account, 'restore'), store.clear(account, 'login')]),
        store.clear(person, 'login'),
        store.clear(person, 'change'),
      ])
    },
  })
