import { BlockLifted } from '@rekey/contracts'
import { type Consumer, type ConsumerDeps, consume } from '@rekey/platform/consumer'
import type { ClearCounts } from './clear-counts.ts'

/** Clears a customer's failed attempts and wrong passwords, under each username, once the back office has lifted the block. */
export const consumeBlockLifted = (deps: ConsumerDeps, clearCounts: ClearCounts): Consumer =>
  consume(deps, {
    event: BlockLifted,
    concurrency: 4,
    handle: ({ customer, usernames }, { eventId }) => clearCounts(customer, usernames, eventId),
  })
