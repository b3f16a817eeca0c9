import { MessageOutcome } from '@rekey/contracts'
import { consume } from '@rekey/platform/consumer'
import type { Feature } from '../feature.ts'
import type { Infrastructure } from '../infrastructure.ts'
import { messageRoutes } from './messages.routes.ts'
import { createMessageReader } from './messages.service.ts'
import { createMessageStore, deleteOldMessages, recordOutcomes } from './messages.store.ts'

/** The log of messages to customers (B13). Whatever asks for a message logs it in the same statement or transaction. */
export const createMessages = (infra: Infrastructure): Feature => {
  const { database, loops, now } = infra
  const messages = createMessageReader({ store: createMessageStore(database), now })
  return {
    routes: (app) => messageRoutes(app, messages),
    consumers: (deps) => [
      consume(deps, {
        event: MessageOutcome,
        concurrency: 16,
        handle: (outcome) => recordOutcomes(database, [outcome]),
      }),
    ],
    deletions: { 'old messages': deleteOldMessages(loops) },
  }
}
