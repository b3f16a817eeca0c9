import { checkedStreams, consumedEvents, deadLetters } from '@rekey/contracts'
import { brokerAccess } from '@rekey/platform/broker-access'
import { connectNats } from '@rekey/platform/broker-transport'
import type { ServiceConfig } from '@rekey/platform/config'
import { consumerSettings } from '@rekey/platform/consumer'
import { secondsCutOff } from '@rekey/platform/stream-watch'
import { readStreams, streamOf } from '@rekey/platform/streams'
import { type ConsumerInfo, ErrorCode, type NatsConnection, NatsError } from 'nats'
import { type Check, type Finding, fail, ok, warn } from '../finding.ts'
import { placeOf } from '../secrets.ts'
import type { Subject } from '../subjects.ts'
import { tryRights } from './broker-rights.ts'
import { certificateChecks } from './certificates.ts'
import { clockFinding } from './clock.ts'

const timeoutMs = 4_000

/** deploy/nats needs it: `sync_interval`. */
const recommendedMinor = 10

const isOlder = (version: string) => {
  const [major = 0, minor = 0] = version.split('.').map(Number)
  return major < 2 || (major === 2 && minor < recommendedMinor)
}

const connect = async (subject: Subject, urls: string): Promise<NatsConnection> => {
  const { url, ...access } = brokerAccess({ ...(subject.config as ServiceConfig), NATS_URL: urls })
  try {
    return await connectNats({
      ...access,
      servers: url.split(','),
      name: `${subject.service} doctor`,
      inboxPrefix: `_INBOX.${subject.service}`,
      timeout: timeoutMs,
      reconnect: false,
      noAsyncTraces: true,
    })
  } catch (error) {
    const { message, chainedError } = error as NatsError
    throw new Error(
      `${url.split(',').map(placeOf).join(', ')}: ${message}${chainedError ? ` (${chainedError.message})` : ''}: ` +
        'check NATS_URL and the credentials of this service, and that nats-server runs',
    )
  }
}

const versionFinding = ({ info, isProduction, place }: { info: NatsConnection['info'] } & Place): Finding => {
  const version = info?.version ?? '0'
  const text = `nats-server ${version} at ${place}`
  if (!isOlder(version)) return ok(text)
  // The sandbox runs with what the system has.
  if (!isProduction) return ok(`${text}; production is better with 2.${recommendedMinor} or newer`)
  return warn(text, `upgrade to 2.${recommendedMinor} or newer, which can write each event to the disk (sync_interval)`)
}

interface Place {
  isProduction: boolean
  place: string
}

const streamFindings = async (connection: NatsConnection, { service }: Subject): Promise<Finding[]> => {
  const names = checkedStreams(service)
  const { found, foreign } = await readStreams(connection, names)
  const cut = found.flatMap((info) => {
    const seconds = secondsCutOff(info, new Date())
    return seconds > 0
      ? [
          warn(
            `stream ${info.config.name} deletes messages ${Math.ceil(seconds / 3_600)} h before their least age`,
            'raise its size',
          ),
        ]
      : []
  })
  const problems = [...foreign.map(({ problem }) => fail(problem)), ...cut]
  return problems.length > 0 ? problems : [ok(`${[...names, deadLetters.name].join(', ')} as the contracts require`)]
}

const infoOf = async (connection: NatsConnection, stream: string, durable: string) => {
  const jsm = await connection.jetstreamManager({ timeout: timeoutMs, checkAPI: false })
  try {
    return await jsm.consumers.info(stream, durable)
  } catch (error) {
    if (error instanceof NatsError && error.code === ErrorCode.JetStream404NoMessages) return undefined
    throw error
  }
}

/** Problems of one consumer. */
const consumerFindings = (service: Subject['service'], type: string, info: ConsumerInfo): Finding[] => {
  const wanted = consumerSettings(service, type)
  const config = info.config as unknown as Record<string, unknown>
  const differing = Object.entries(wanted).filter(([name, value]) => config[name] !== value)
  const name = `consumer ${wanted.durable_name}`
  if (differing.length > 0) {
    const texts = differing.map(([setting, value]) => `${setting} ${config[setting] ?? 'unset'} instead of ${value}`)
    return [fail(`${name} has ${texts.join(', ')}`, `restart the ${service}, which corrects it`)]
  }
  if (info.num_ack_pending >= wanted.max_ack_pending)
    return [warn(`${name} has ${info.num_ack_pending} unacknowledged messages, and gets no more`, 'read its log')]
  if (info.num_pending > 0 && info.num_waiting === 0 && info.num_ack_pending === 0)
    return [warn(`${name} has ${info.num_pending} messages, and no instance requests any`, `start the ${service}`)]
  return []
}

const allConsumerFindings = async (connection: NatsConnection, { service }: Subject): Promise<Finding[]> => {
  const events = consumedEvents[service]
  const infos = await Promise.all(
    events.map(({ type }) => infoOf(connection, streamOf(type), consumerSettings(service, type).durable_name)),
  )
  const missing = events.filter((_, index) => infos[index] === undefined)
  if (missing.length === events.length)
    return [warn('no consumer exists yet', `start the ${service}, which creates them`)]
  const found = [
    ...missing.map(({ type }) =>
      fail(
        `consumer ${consumerSettings(service, type).durable_name} is missing`,
        `restart the ${service}, which creates it`,
      ),
    ),
    ...events.flatMap(({ type }, index) => {
      const info = infos[index]
      return info ? consumerFindings(service, type, info) : []
    }),
  ]
  return found.length > 0 ? found : [ok(`${events.length} consumers as the contracts require`)]
}

/** Servers from 2.10 on tell their time in the state of a stream. */
const clockFindings = async (connection: NatsConnection): Promise<Finding[]> => {
  const jsm = await connection.jetstreamManager({ timeout: timeoutMs, checkAPI: false })
  const before = Date.now()
  const { ts } = (await jsm.streams.info(deadLetters.name)) as { ts?: string }
  if (ts === undefined) return [ok('not known: nats-server tells its time from 2.10 on')]
  return [clockFinding(new Date(ts).getTime(), [before, Date.now()])]
}

const deadLetterFindings = async (connection: NatsConnection): Promise<Finding[]> => {
  const jsm = await connection.jetstreamManager({ timeout: timeoutMs, checkAPI: false })
  const { messages } = (await jsm.streams.info(deadLetters.name)).state
  return [messages > 0 ? warn(`${messages} dead letters`, 'npm run dead-letters -- list') : ok('no dead letters')]
}

/** The broker, as the user of a service sees it. `isFirst`: what all users see alike is checked once. */
export const brokerChecks = (
  subject: Subject,
  { isFirst, onEnd }: { isFirst: boolean; onEnd: (close: () => unknown) => void },
): Check[] => {
  const { service, isProduction } = subject
  const { NATS_URL: urls, NATS_CA_FILE: caFile } = subject.config as Partial<ServiceConfig>
  if (urls === undefined) return []
  let connection: NatsConnection | undefined
  const connected = () => {
    if (!connection) throw new Error('no connection to the broker')
    return connection
  }
  const then = (
    name: string,
    run: (connection: NatsConnection) => Promise<Finding[]>,
    needs = 'broker connection',
  ) => ({
    name,
    service,
    needs,
    run: () => run(connected()),
  })
  const isEncrypted = (url: string) => url.startsWith('tls:') || caFile !== undefined
  return [
    ...certificateChecks({
      name: 'broker certificate',
      service,
      endpoints: urls
        .split(',')
        .filter(isEncrypted)
        .map((url) => ({ url, protocol: 'nats' as const, defaultPort: 4_222, caFile })),
    }),
    {
      name: 'broker connection',
      service,
      needs: 'broker certificate',
      async run() {
        connection = await connect(subject, urls)
        const { info } = connection
        onEnd(() => connection?.close())
        return [versionFinding({ info, isProduction, place: placeOf(`nats://${connection.getServer()}`) })]
      },
    },
    then('broker rights', (connection) => tryRights(connection, subject)),
    then('streams', (connection) => streamFindings(connection, subject)),
    then('consumers', (connection) => allConsumerFindings(connection, subject), 'streams'),
    ...(isFirst
      ? [then('broker clock', clockFindings, 'streams'), then('dead letters', deadLetterFindings, 'streams')]
      : []),
  ]
}
