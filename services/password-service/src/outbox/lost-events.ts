import type { Broker } from '@rekey/platform/broker'
import type { Logger } from '@rekey/platform/logger'
import { counter, type Metrics } from '@rekey/platform/metrics'
import type { Publisher } from '@rekey/platform/publisher'
import type { Database } from '../database.ts'
import { lanesOf, type OutboxStream, outboxStreams } from './lanes.ts'
import { offerLost, wasLast } from './relay.store.ts'

interface Deps {
  loops: Database
  broker: Broker
  publisher: Pick<Publisher, 'firstSequence'>
  metrics: Metrics
  log: Logger
}

interface Connection {
  generation: number
  lastSequence: number
}

const timeoutMs = 2_000

/**
 * Finds events that the broker acknowledged and lost: JetStream acknowledges before it syncs, so that a power failure
 * cuts off the end of a stream, and a restored copy has an earlier end. After each connection, the rows whose sequence
 * number is beyond the end of the stream are made to wait again (S50). Everything that the stream still has is left
 * alone, so that no notification is repeated.
 */
export const createLostEvents = (stream: OutboxStream, deps: Deps) => {
  const { loops, broker, publisher, metrics, log } = deps
  const found = counter(metrics, {
    name: 'rekey_outbox_lost_events_total',
    help: 'Published events that the broker had lost when it was reached again; each is published again',
    labels: { stream: outboxStreams },
  })
  let current: Connection | undefined
  /** Lanes that were not searched since the connection began. */
  let unsearched: number[] = []

  /** Last sequence number of the stream before this instance published on the new connection. */
  const endOf = ({ lastSequence }: Connection) =>
    Math.min(lastSequence, (publisher.firstSequence(stream) ?? Number.POSITIVE_INFINITY) - 1)

  const search = async (lane: number, connection: Connection) => {
    for (;;) {
      const offered = await offerLost(loops, { lane, lastSequence: endOf(connection) })
      if (offered > 0) {
        found.inc({ stream }, offered)
        log.event('events_lost_by_broker', { stream, lane, count: offered })
      }
      if (wasLast(offered)) return
    }
  }

  return {
    /**
     * Searches the lanes once for each connection; nothing may be published before.
     *
     * @returns lanes that were searched now, and are to be read from their start
     * @throws if the broker or Postgres is unavailable
     */
    async search(): Promise<number[]> {
      const generation = broker.generation()
      if (current?.generation !== generation) {
        const jsm = await broker.connection().jetstreamManager({ timeout: timeoutMs, checkAPI: false })
        const { state } = await jsm.streams.info(stream)
        current = { generation, lastSequence: state.last_seq }
        unsearched = [...lanesOf[stream]]
      }
      const searched: number[] = []
      for (const lane of [...unsearched]) {
        await search(lane, current)
        unsearched = unsearched.filter((other) => other !== lane)
        searched.push(lane)
      }
      return searched
    },
  }
}
