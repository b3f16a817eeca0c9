import { isDeepStrictEqual } from 'node:util'
import { deadLetters, type StreamDefinition, type StreamName, streams } from '@rekey/contracts'
import {
  DiscardPolicy,
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
import type { ServiceConfig } from './config.ts'

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

/** @throws Error where the type is of no stream */
export const streamOf = (type: string): StreamName => {
  const entry = Object.entries(streams).find(([, { events }]) => events.some((event) => event.type === type))
  if (!entry) throw new Error(`${type} is in no stream`)
  return entry[0] as StreamName
}

const find = async (jsm: JetStreamManager, name: string): Promise<StreamConfig | undefined> => {
  try {
    return (await jsm.streams.info(name)).config
  } catch (error) {
    if (error instanceof NatsError && error.code === ErrorCode.JetStream404NoMessages) return undefined
    throw error
  }
}

/** Names of the settings that differ. The broker leaves out some that are false. */
const differences = (found: StreamConfig, wanted: Wanted): string[] =>
  Object.entries(wanted)
    .filter(([name, value]) => !isDeepStrictEqual(found[name as keyof StreamConfig] ?? false, value))
    .map(([name]) => name)

/** Any other would refuse, drop or leave unacknowledged what is published. */
const everyStream = {
  storage: StorageType.File,
  discard: DiscardPolicy.Old,
  max_msg_size: -1,
  max_msgs_per_subject: -1,
  no_ack: false,
  sealed: false,
} as const satisfies Partial<StreamConfig>

const wantedStreams = (names: readonly StreamName[]): Wanted[] =>
  [deadLetterStream, ...names.map(eventStream)].map((stream) => ({ ...stream, ...everyStream }))

const managerOf = (connection: NatsConnection) => connection.jetstreamManager({ timeout: 2_000 })

/**
 * Makes the named streams, and the one for dead letters, be as the contracts say. Safe to run twice and from many.
 *
 * @throws NatsError where this user of the broker may not
 */
export const makeStreams = async (
  connection: NatsConnection,
  names: readonly StreamName[],
  replicas: number,
): Promise<void> => {
  const jsm = await managerOf(connection)
  for (const stream of wantedStreams(names)) {
    const wanted = { ...stream, num_replicas: replicas }
    const found = await find(jsm, wanted.name)
    if (!found) await jsm.streams.add(wanted)
    else if (differences(found, wanted).length > 0) await jsm.streams.update(wanted.name, wanted)
  }
}

/**
 * Looks whether they are, but for the number of copies: that is the operator's.
 *
 * @throws Error where one is not
 */
export const checkStreams = async (connection: NatsConnection, names: readonly StreamName[]): Promise<void> => {
  const jsm = await managerOf(connection)
  for (const wanted of wantedStreams(names)) {
    const found = await find(jsm, wanted.name)
    if (!found) throw new Error(`stream ${wanted.name} is not there: npm run streams`)
    const names = differences(found, wanted)
    if (names.length > 0) {
      throw new Error(`stream ${wanted.name} has another ${names.join(', ')} than it should: npm run streams`)
    }
  }
}

/**
 * Has a service be ready only with its streams, also on a server that came back without them. In production they are
 * made by the operator, as tables are; in the sandbox by the services.
 */
export const ensureStreams = (
  broker: Broker,
  names: readonly StreamName[],
  { REKEY_PROFILE, REKEY_STREAM_REPLICAS }: Pick<ServiceConfig, 'REKEY_PROFILE' | 'REKEY_STREAM_REPLICAS'>,
): void =>
  broker.onConnect((connection) =>
    REKEY_PROFILE === 'production'
      ? checkStreams(connection, names)
      : makeStreams(connection, names, REKEY_STREAM_REPLICAS),
  )
