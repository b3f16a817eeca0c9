import type { EventData, EventDefinition } from '@rekey/contracts'
import { backlogOf } from '@rekey/test-support/backlog'
import { eventually } from '@rekey/test-support/eventually'
import type { Teardown } from '@rekey/test-support/infrastructure'
import type { Processes } from '@rekey/test-support/processes'
import { connect, ErrorCode, type Msg, NatsError, type StoredMsg } from 'nats'

/** Records every message on the broker from now on, also those that no stream stores. */
export const startMessageLog = async (t: Teardown, { nats, postgres }: Pick<Processes, 'nats' | 'postgres'>) => {
  const connection = await connect({ servers: nats.url })
  t.teardown(() => connection.close())
  const messages: Msg[] = []
  connection.subscribe('>', { callback: (_error, message) => void messages.push(message) })
  await connection.flush()
  const manager = await connection.jetstreamManager()

  /** The last sequence number of each stream. */
  const sequences = async () => (await manager.streams.list().next()).map(({ state }) => state.last_seq).join()
  const isIdle = async () => (await backlogOf(postgres.url, connection)).length === 0
  /** Checks twice: during one check an event may move from a queue that is not checked yet to one that is. */
  const isAllHandled = async () => {
    const before = await sequences()
    return (await isIdle()) && (await isIdle()) && (await sequences()) === before
  }

  /** @returns undefined if the message has left its stream meanwhile: a work queue drops what is acknowledged */
  const storedAt = async (stream: string, seq: number): Promise<StoredMsg | undefined> => {
    try {
      return await manager.streams.getMessage(stream, { seq })
    } catch (error) {
      if (error instanceof NatsError && error.code === ErrorCode.JetStream404NoMessages) return undefined
      throw error
    }
  }

  return {
    messages,
    /** Published events of one type, in order; deliveries to consumers are left out. */
    events: <E extends EventDefinition>({ type }: E): EventData<E>[] =>
      messages
        .filter(({ subject, reply }) => subject === type && !reply?.startsWith('$JS.ACK.'))
        .map((message) => message.json()),
    /**
     * Waits until every event and its consequences are handled: a message that was not sent by then is never sent.
     * Events that the gateway publishes in the background may still come: wait for those themselves.
     */
    allHandled: () => eventually(isAllHandled, { what: 'every event to be handled', timeoutMs: 60_000 }),
    /** Every message that is stored in a stream. */
    async stored() {
      const found: StoredMsg[] = []
      for (const { config } of await manager.streams.list().next()) {
        const { state } = await manager.streams.info(config.name, { deleted_details: true })
        const deleted = new Set(state.deleted)
        for (let seq = state.first_seq; seq <= state.last_seq && state.messages > 0; seq += 1) {
          const message = deleted.has(seq) ? undefined : await storedAt(config.name, seq)
          if (message) found.push(message)
        }
      }
      return found
    },
  }
}

export type MessageLog = Awaited<ReturnType<typeof startMessageLog>>
