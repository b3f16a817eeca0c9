import type { Feature } from '../feature.ts'
import type { Infrastructure } from '../infrastructure.ts'
import { createOutboxGauges, createRefusalCounter } from './gauges.ts'
import { outboxStreams } from './lanes.ts'
import { listenForOutbox } from './listener.ts'
import { deletePublished } from './outbox.store.ts'
import { startRelay } from './relay.ts'

interface Settings {
  REKEY_OUTBOX_HOURS: number
}

/** Publishes the outbox: a relay for each stream, which a commit or a new connection to the broker wakes. */
export const createOutbox = (infra: Infrastructure, config: Settings): Feature => {
  const { database, loops, broker, directDatabaseUrl, service: source, metrics, now, log } = infra
  createOutboxGauges({ loops, metrics, now })
  const refusals = createRefusalCounter(metrics)
  const relays = outboxStreams.map((stream) => startRelay(stream, { ...infra, source, refusals }))
  const wakeRelays = () => {
    for (const relay of relays) relay.wake()
  }
  for (const { onEventsAdded } of [database, loops]) onEventsAdded(wakeRelays)
  const listener = listenForOutbox({ url: directDatabaseUrl, onNotification: wakeRelays, log })
  broker.onConnect(async () => wakeRelays())
  return {
    deletions: { 'published events': deletePublished(loops, config.REKEY_OUTBOX_HOURS * 3_600_000) },
    close: () => Promise.all([listener.close(), ...relays.map((relay) => relay.close())]),
  }
}
