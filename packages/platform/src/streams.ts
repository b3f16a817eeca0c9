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

type WantedStream = Partial<StreamConfig> & { name: string }

const deadLetterStream: WantedStream = {
  name: deadLetters.name,
  subjects: [...deadLetters.subjects],
  max_age: nanos(deadLetters.maxAgeSeconds * 1_000),
}

const eventStream = (name: StreamName): WantedStream => {
  const { events, workQueue, maxAgeSeconds, maxBytes = -1, mostOfEachEvent }: StreamDefinition = streams[name]
  return {
    name,
    subjects: events.map((event) => event.type),
    retention: workQueue ? RetentionPolicy.Workqueue : RetentionPolicy.Limits,
    max_age: nanos(maxAgeSeconds * 1_000),
    max_bytes: maxBytes,
    // Lifetime of a code: within it the broker drops a repeat of an event.
    duplicate_window: nanos(600_000),
    ...(mostOfEachEvent !== undefined && {
      max_msgs_per_subject: mostOfEachEvent,
      discard: DiscardPolicy.New,
      discard_new_per_subject: true,
    }),
  }
}

/** @throws Error if no stream has events of this type */
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

/** Names of the settings that differ. The broker omits some that are false. */
const differences = (found: StreamConfig, wanted: WantedStream): string[] =>
  Object.entries(wanted)
    .filter(([name, value]) => !isDeepStrictEqual(found[name as keyof StreamConfig] ?? false, value))
    .map(([name]) => name)

/** With other values the stream would refuse, drop or not acknowledge events. */
const everyStream = {
  storage: StorageType.File,
  discard: DiscardPolicy.Old,
  max_msg_size: -1,
  max_msgs_per_subject: -1,
  no_ack: false,
  sealed: false,
} as const satisfies Partial<StreamConfig>

const wantedStreams = (names: readonly StreamName[]): WantedStream[] =>
  [deadLetterStream, ...names.map(eventStream)].map((stream) => ({ ...everyStream, ...stream }))

const managerOf = (connection: NatsConnection) => connection.jetstreamManager({ timeout: 2_000 })

/**
 * Creates or updates the named streams and the stream of dead letters. Idempotent; may run in several instances at once.
 *
 * @throws NatsError if the user has no permission
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
 * Compares the streams with the contracts, except for the number of replicas, which the operator sets.
 *
 * @throws Error if a stream is missing or differs
 */
export const checkStreams = async (connection: NatsConnection, names: readonly StreamName[]): Promise<void> => {
  const jsm = await managerOf(connection)
  for (const wanted of wantedStreams(names)) {
    const found = await find(jsm, wanted.name)
    if (!found) throw new Error(`stream ${wanted.name} is missing: run npm run streams`)
    const names = differences(found, wanted)
    if (names.length > 0) {
      throw new Error(`stream ${wanted.name} differs in ${names.join(', ')}: run npm run streams`)
    }
  }
}

/**
 * Makes the service unready until its streams exist, also after the server came back without them. In production the
 * operator creates streams, as it creates tables; in the sandbox the services do.
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
