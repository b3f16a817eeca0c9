import { isDeepStrictEqual } from 'node:util'
import { deadLetters, type StreamDefinition, type StreamName, streams } from '@rekey/contracts'
import { DiscardPolicy, nanos, RetentionPolicy, StorageType, type StreamConfig } from 'nats'

/** The settings of a stream that the product decides. */
export type WantedStream = Partial<StreamConfig> & { name: string; max_age: number; duplicate_window: number }

/** Lifetime of a code: within it the broker drops a repeat of an event. */
const duplicateWindow = nanos(600_000)

/** With other values the stream would refuse, drop or not acknowledge events. */
const everyStream = {
  storage: StorageType.File,
  discard: DiscardPolicy.Old,
  max_msg_size: -1,
  max_msgs_per_subject: -1,
  no_ack: false,
  sealed: false,
  duplicate_window: duplicateWindow,
} as const satisfies Partial<StreamConfig>

const deadLetterStream: WantedStream = {
  ...everyStream,
  name: deadLetters.name,
  subjects: [...deadLetters.subjects],
  retention: RetentionPolicy.Limits,
  max_age: nanos(deadLetters.maxAgeSeconds * 1_000),
}

const eventStream = (name: StreamName): WantedStream => {
  const { events, workQueue, maxAgeSeconds, mostOfEachEvent }: StreamDefinition = streams[name]
  return {
    ...everyStream,
    name,
    subjects: events.map((event) => event.type),
    retention: workQueue ? RetentionPolicy.Workqueue : RetentionPolicy.Limits,
    max_age: nanos(maxAgeSeconds * 1_000),
    ...(mostOfEachEvent !== undefined && {
      max_msgs_per_subject: mostOfEachEvent,
      discard: DiscardPolicy.New,
      discard_new_per_subject: true,
    }),
  }
}

/** The named streams, and the stream of dead letters. */
export const wantedStreams = (names: readonly StreamName[]): WantedStream[] => [
  deadLetterStream,
  ...names.map(eventStream),
]

/** Settings that the operator chooses. Each affects where and how much is stored, and none which subjects events get. */
const operatorSettings: ReadonlySet<string> = new Set([
  'num_replicas',
  'placement',
  'description',
  'metadata',
  'compression',
  'max_bytes',
  'max_msgs',
  'max_consumers',
  'allow_direct',
  'mirror_direct',
  'deny_delete',
  'deny_purge',
])

/** Settings that the operator may raise. */
const leastSettings = ['max_age', 'duplicate_window'] as const

const isAbsent = (value: unknown) =>
  value === undefined ||
  value === null ||
  value === false ||
  value === 0 ||
  value === '' ||
  (typeof value === 'object' && Object.keys(value).length === 0)

const isLeast = (name: string): name is (typeof leastSettings)[number] =>
  (leastSettings as readonly string[]).includes(name)

const isWanted = (name: string, found: unknown, wanted: WantedStream): boolean => {
  // A max_age of 0 keeps messages forever.
  if (name === 'max_age' && (found === 0 || wanted.max_age === 0)) return found === 0
  if (isLeast(name)) return Number(found) >= wanted[name]
  const value = wanted[name as keyof StreamConfig]
  return isDeepStrictEqual(found, value) || (isAbsent(found) && isAbsent(value))
}

/**
 * Names of the settings that differ from the wanted ones. A setting that is not known here counts as different: servers
 * keep adding settings that put messages on other subjects (`republish`, `sources`, `mirror`, `subject_transform`,
 * `allow_msg_schedules`), and one of these would let the stream's editor forge events (S47).
 */
export const differences = (found: Partial<StreamConfig>, wanted: WantedStream): string[] => {
  const names = new Set([...Object.keys(wanted), ...Object.keys(found)])
  return [...names].filter(
    (name) => !operatorSettings.has(name) && !isWanted(name, found[name as keyof StreamConfig], wanted),
  )
}

/** The configuration that makes a found stream right: foreign settings are removed, the operator's stay. */
export const corrected = (found: StreamConfig, wanted: WantedStream): Partial<StreamConfig> => {
  const foreign = differences(found, wanted).filter((name) => !(name in wanted))
  const kept = leastSettings.filter((name) => isWanted(name, found[name], wanted))
  return {
    ...wanted,
    ...Object.fromEntries(foreign.map((name) => [name, undefined])),
    ...Object.fromEntries(kept.map((name) => [name, found[name]])),
  }
}
