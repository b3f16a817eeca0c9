import type { KeyObject } from 'node:crypto'
import { BlockLifted } from '@rekey/contracts'
import { type Consumer, type ConsumerDeps, consume, PermanentError } from '@rekey/platform/consumer'
import { unseal } from '@rekey/platform/seal'
import type { Challenges } from '../challenges/challenges.service.ts'
import type { BudgetStore } from './lockout.store.ts'

interface Deps {
  store: BudgetStore
  usernameKey: KeyObject
  challenges: Pick<Challenges, 'accountOf' | 'accountOfCustomer'>
}

/**
 * The back office lets a customer in again: all wrong codes are forgiven, under each of the customer's usernames. They
 * come sealed, with the event's id as context, since the gateway knows accounts by their HMAC alone.
 */
export const consumeBlockLifted = (deps: ConsumerDeps, { store, usernameKey, challenges }: Deps): Consumer =>
  consume(deps, {
    event: BlockLifted,
    concurrency: 4,
    async handle({ customer, usernames }, { eventId }) {
      const open = (sealed: string) =>
        unseal<string>(usernameKey, eventId, sealed).catch(() => {
          throw new PermanentError('a username cannot be opened')
        })
      const accounts = (await Promise.all(usernames.map(open))).map(challenges.accountOf)
      await Promise.all([
        ...accounts.flatMap((account) => [store.forgive(account, 'restore'), store.forgive(account, 'login')]),
        store.forgive(challenges.accountOfCustomer(customer), 'change'),
      ])
    },
  })
