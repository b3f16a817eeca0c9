import { type StreamDefinition, type StreamName, streams } from '@rekey/contracts'
import { ErrorCode, type JetStreamManager, type NatsConnection, NatsError, type StreamInfo } from 'nats'
import type { Broker } from './broker.ts'
import type { ServiceConfig } from './config.ts'
import { corrected, differences, wantedStreams } from './stream-settings.ts'

/** @throws Error if no stream has events of this type */
export const streamOf = (type: string): StreamName => {
  const entry = Object.entries(streams).find(([, { events }]) => events.some((event) => event.type === type))
  if (!entry) throw new Error(`${type} is in no stream`)
  return entry[0] as StreamName
}

/** @returns undefined if the broker has no stream of this name */
export const findStream = async (jsm: JetStreamManager, name: string): Promise<StreamInfo | undefined> => {
  try {
    return await jsm.streams.info(name)
  } catch (error) {
    if (error instanceof NatsError && error.code === ErrorCode.JetStream404NoMessages) return undefined
    throw error
  }
}

const managerOf = (connection: NatsConnection) => connection.jetstreamManager({ timeout: 2_000 })

const initialBytes = (name: string) => (streams as Record<string, StreamDefinition>)[name]?.maxBytes ?? -1

/**
 * Creates or updates the named streams and the stream of dead letters. Idempotent; may run in several instances at once.
 * Sizes, ages above the least one, copies and placement of an existing stream stay as the operator set them.
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
    const found = await findStream(jsm, stream.name)
    if (!found) await jsm.streams.add({ ...stream, max_bytes: initialBytes(stream.name), num_replicas: replicas })
    else if (differences(found.config, stream).length > 0 || found.config.num_replicas !== replicas) {
      await jsm.streams.update(stream.name, { ...corrected(found.config, stream), num_replicas: replicas })
    }
  }
}

/** A stream whose settings are not those of the contracts. */
export interface ForeignStream {
  name: string
  /** The difference, as a sentence for the operator. */
  problem: string
}

/** Information about each named stream, and about those that are missing or differ from the contracts. */
export const readStreams = async (
  connection: NatsConnection,
  names: readonly StreamName[],
): Promise<{ found: StreamInfo[]; foreign: ForeignStream[] }> => {
  const jsm = await managerOf(connection)
  const found: StreamInfo[] = []
  const foreign: ForeignStream[] = []
  for (const wanted of wantedStreams(names)) {
    const info = await findStream(jsm, wanted.name)
    if (info) found.push(info)
    const differing = info ? differences(info.config, wanted) : []
    if (!info) foreign.push({ name: wanted.name, problem: `stream ${wanted.name} is missing: run npm run streams` })
    if (differing.length > 0) {
      const problem = `stream ${wanted.name} differs in ${differing.join(', ')}: run npm run streams`
      foreign.push({ name: wanted.name, problem })
    }
  }
  return { found, foreign }
}

/**
 * Compares the streams with the contracts, except for what the operator sets.
 *
 * @throws Error if a stream is missing or differs
 */
export const checkStreams = async (connection: NatsConnection, names: readonly StreamName[]): Promise<void> => {
  const { foreign } = await readStreams(connection, names)
  const [first] = foreign
  if (first) throw new Error(first.problem)
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
