import type { EventData, EventDefinition } from '@rekey/contracts'
import { eventually } from '@rekey/testing/eventually'
import type { Teardown } from '@rekey/testing/infrastructure'
import { connect, type Msg, type StoredMsg } from 'nats'

/** All that goes over the broker from now on, also what no stream keeps. */
export const startWiretap = async (t: Teardown, natsUrl: string) => {
  const connection = await connect({ servers: natsUrl })
  t.teardown(() => connection.close())
  const messages: Msg[] = []
  connection.subscribe('>', { callback: (_error, message) => void messages.push(message) })
  await connection.flush()
  const manager = await connection.jetstreamManager()

  const isAllDealtWith = async () => {
    for (const { config, state } of await manager.streams.list().next()) {
      if (config.retention === 'workqueue' && state.messages > 0) return false
      for (const { num_pending, num_ack_pending } of await manager.consumers.list(config.name).next()) {
        if (num_pending + num_ack_pending > 0) return false
      }
    }
    return true
  }

  return {
    messages,
    /** What was published of one kind, in order: not what the streams then hand to their consumers. */
    events: <E extends EventDefinition>({ type }: E): EventData<E>[] =>
      messages
        .filter(({ subject, reply }) => subject === type && !reply?.startsWith('$JS.ACK.'))
        .map((message) => message.json()),
    /** Waits until every event has been dealt with: whoever got no message by then gets none. */
    allDealtWith: () => eventually(isAllDealtWith, { what: 'every event to be dealt with', timeoutMs: 60_000 }),
    /** Every message that a stream holds. */
    async stored() {
      const found: StoredMsg[] = []
      for (const { config } of await manager.streams.list().next()) {
        const { state } = await manager.streams.info(config.name, { deleted_details: true })
        const deleted = new Set(state.deleted)
        for (let seq = state.first_seq; seq <= state.last_seq && state.messages > 0; seq += 1) {
          if (!deleted.has(seq)) found.push(await manager.streams.getMessage(config.name, { seq }))
        }
      }
      return found
    },
  }
}

export type Wiretap = Awaited<ReturnType<typeof startWiretap>>
