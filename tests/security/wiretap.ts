import type { EventData, EventDefinition } from '@rekey/contracts'
import { backlogOf } from '@rekey/test-support/backlog'
import { eventually } from '@rekey/test-support/eventually'
import type { Teardown } from '@rekey/test-support/infrastructure'
import type { Processes } from '@rekey/test-support/processes'
import { connect, type Msg, type StoredMsg } from 'nats'

/** All that goes over the broker from now on, also what no stream keeps. */
export const startWiretap = async (t: Teardown, { nats, postgres }: Pick<Processes, 'nats' | 'postgres'>) => {
  const connection = await connect({ servers: nats.url })
  t.teardown(() => connection.close())
  const messages: Msg[] = []
  connection.subscribe('>', { callback: (_error, message) => void messages.push(message) })
  await connection.flush()
  const manager = await connection.jetstreamManager()

  /** How many messages each stream has taken so far. */
  const taken = async () => (await manager.streams.list().next()).map(({ state }) => state.last_seq).join()
  const isIdle = async () => (await backlogOf(postgres.url, connection)).length === 0
  /** One look is not enough: meanwhile an event can go on from where is yet to be looked to where was looked already. */
  const isAllDealtWith = async () => {
    const before = await taken()
    return (await isIdle()) && (await isIdle()) && (await taken()) === before
  }

  return {
    messages,
    /** What was published of one kind, in order: not what the streams then hand to their consumers. */
    events: <E extends EventDefinition>({ type }: E): EventData<E>[] =>
      messages
        .filter(({ subject, reply }) => subject === type && !reply?.startsWith('$JS.ACK.'))
        .map((message) => message.json()),
    /**
     * Waits until every event has been dealt with, and what came of it: whoever got no message by then gets none. Facts
     * that the gateway tells in its own time may still come: they are to be waited for by themselves.
     */
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
