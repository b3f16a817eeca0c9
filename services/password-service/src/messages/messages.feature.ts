import { MessageOutcome } from '@rekey/contracts'
import { consumeTogether } from '@rekey/platform/consume-together'
import type { Pause } from '@rekey/platform/consumer'
import type { Feature } from '../feature.ts'
import type { Infrastructure } from '../infrastructure.ts'
import { messageRoutes } from './messages.routes.ts'
import { createMessageReader } from './messages.service.ts'
import { createMessageStore, deleteOldMessages, recordOutcomes } from './messages.store.ts'

/** No request waits for an outcome: those of one point of the grid are recorded by one statement. */
const gathering: Pause = { shortestMs: 50, longestMs: 150, gridMs: 100, mostInHand: 1_024 }

/** The log of messages to customers (B13). Whatever asks for a message logs it in the same statement or transaction. */
export const createMessages = (infra: Infrastructure): Feature => {
  const { database, loops, now } = infra
  const messages = createMessageReader({ store: createMessageStore(database), now })
  return {
    routes: (app) => messageRoutes(app, messages),
    consumers: (deps) => [
      consumeTogether(deps, {
        event: MessageOutcome,
        most: 256,
        pause: gathering,
        async handle(outcomes) {
          await recordOutcomes(
            loops,
            outcomes.map(({ data }) => data),
          )
          return []
        },
      }),
    ],
    deletions: { 'old messages': deleteOldMessages(loops) },
  }
}
