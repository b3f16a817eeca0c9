import { isDeepStrictEqual } from 'node:util'
import { deadLetters, type StreamDefinition, type StreamName, streams } from '@rekey/contracts'
import {
  ErrorCode,
  type JetStreamManager,
  type NatsConnection,
  NatsError,
  nanos,
  RetentionPolicy,
  StorageType,
  type StreamConfig,
} from 'nats'
import type { Broker } from './broker.ts'

type Wanted = Partial<StreamConfig> & { name: string }

const deadLetterStream: Wanted = {
  name: deadLetters.name,
  subjects: [...deadLetters.subjects],
  max_age: nanos(deadLetters.maxAgeSeconds * 1_000),
}

const eventStream = (name: StreamName): Wanted => {
  const { events, workQueue, maxAgeSeconds, maxBytes = -1 }: StreamDefinition = streams[name]
  return {
    name,
    subjects: events.map((event) => event.type),
    retention: workQueue ? RetentionPolicy.Workqueue : RetentionPolicy.Limits,
    max_age: nanos(maxAgeSeconds * 1_000),
    max_bytes: maxBytes,
    // As long as a code lives: a repeat of an event within it is dropped by the broker.
    duplicate_window: nanos(600_000),
  }
}

const find = async (jsm: JetStreamManager, name: string): Promise<StreamConfig | undefined> => {
  try {
    return (await jsm.streams.info(name)).config
  } catch (error) {
    if (error instanceof NatsError && error.code === ErrorCode.JetStream404NoMessages) return undefined
    throw error
  }
}

const isAsWanted = (found: StreamConfig, wanted: Wanted) =>
  Object.entries(wanted).every(([name, value]) => isDeepStrictEqual(found[name as keyof StreamConfig], value))

/** In production a service may look at its streams and no more: they are made by the operator, as tables are. */
const makeAsWanted = async (jsm: JetStreamManager, found: StreamConfig | undefined, wanted: Wanted) => {
  try {
    await (found ? jsm.streams.update(wanted.name, wanted) : jsm.streams.add(wanted))
  } catch (error) {
    if (!(error instanceof NatsError) || !error.isPermissionError()) throw error
    throw new Error(`stream ${wanted.name} is not there, or not as it should be: npm run streams`, { cause: error })
  }
}

/**
 * Makes the named streams, and the one for dead letters, be as the contracts say. Safe to run twice and from many.
 *
 * @throws Error where one of them is not, and this user of the broker may not change it
 */
export const makeStreams = async (
  connection: NatsConnection,
  names: readonly StreamName[],
  replicas: number,
): Promise<void> => {
  const jsm = await connection.jetstreamManager({ timeout: 2_000 })
  for (const stream of [deadLetterStream, ...names.map(eventStream)]) {
    const wanted = { ...stream, storage: StorageType.File, num_replicas: replicas }
    const found = await find(jsm, wanted.name)
    if (!found || !isAsWanted(found, wanted)) await makeAsWanted(jsm, found, wanted)
  }
}

/** Keeps the streams there, also on a server that came back without them. */
export const ensureStreams = (broker: Broker, names: StreamName[], replicas: number): void =>
  broker.onConnect((connection) => makeStreams(connection, names, replicas))
