import { deadLetters, type StreamDefinition, type StreamName, streams } from '@rekey/contracts'
import {
  type JetStreamManager,
  type NatsConnection,
  NatsError,
  nanos,
  RetentionPolicy,
  StorageType,
  type StreamConfig,
} from 'nats'
import type { Broker } from './broker.ts'

/** JetStream's "stream name already in use with a different configuration". */
const nameInUse = 10_058

const createOrUpdate = async (jsm: JetStreamManager, config: Partial<StreamConfig> & { name: string }) => {
  try {
    await jsm.streams.add(config)
  } catch (error) {
    if (!(error instanceof NatsError) || error.api_error?.err_code !== nameInUse) throw error
    await jsm.streams.update(config.name, config)
  }
}

/** Makes the named streams, and the one for dead letters, be as the contracts say. Safe to run twice and from many. */
const ensure = async (connection: NatsConnection, names: StreamName[], replicas: number) => {
  const jsm = await connection.jetstreamManager({ timeout: 2_000 })
  const common = { storage: StorageType.File, num_replicas: replicas }
  await createOrUpdate(jsm, {
    ...common,
    name: deadLetters.name,
    subjects: [...deadLetters.subjects],
    max_age: nanos(deadLetters.maxAgeSeconds * 1_000),
  })
  for (const name of names) {
    const { events, workQueue, maxAgeSeconds, maxBytes = -1 }: StreamDefinition = streams[name]
    await createOrUpdate(jsm, {
      ...common,
      name,
      subjects: events.map((event) => event.type),
      retention: workQueue ? RetentionPolicy.Workqueue : RetentionPolicy.Limits,
      max_age: nanos(maxAgeSeconds * 1_000),
      max_bytes: maxBytes,
      // As long as a code lives: a repeat of an event within it is dropped by the broker.
      duplicate_window: nanos(600_000),
    })
  }
}

/** Keeps the streams there, also on a server that came back without them. */
export const ensureStreams = (broker: Broker, names: StreamName[], replicas: number): void =>
  broker.onConnect((connection) => ensure(connection, names, replicas))
