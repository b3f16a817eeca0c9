import { connect } from 'node:net'
import type { ServiceConfig } from './config.ts'
import { type ServerRule, urlsOf } from './production.ts'

/** The oldest version that is supported. */
const minVersion = { major: 2, minor: 9 }

/** A request has at most 16 KiB; encrypted in an event it has less than four times as much. */
const minPayloadBytes = 65_536

/** What a server sends on each new connection, before TLS and authentication (INFO, NATS protocol). */
interface Info {
  version: string
  max_payload: number
  jetstream?: boolean
  cluster?: string
}

const timeoutMs = 2_000
const defaultPort = 4_222

/** @returns undefined if the server does not answer, or not with INFO */
const readInfo = ({ hostname, port }: URL): Promise<Info | undefined> =>
  new Promise((resolve) => {
    const host = hostname.replace(/^\[|\]$/g, '')
    const socket = connect({ host, port: Number(port) || defaultPort, timeout: timeoutMs })
    const end = (info?: Info) => {
      socket.destroy()
      resolve(info)
    }
    let text = ''
    socket.setEncoding('utf8')
    socket.on('data', (chunk: string) => {
      text += chunk
      const line = /^INFO (\{.*\})\s*\r\n/.exec(text)?.[1]
      if (line === undefined) return
      try {
        end(JSON.parse(line))
      } catch {
        end()
      }
    })
    for (const event of ['timeout', 'error', 'close']) socket.on(event, () => end())
  })

const isOld = (version: string) => {
  const [major = 0, minor = 0] = version.split('.').map((part) => Number.parseInt(part, 10))
  return major < minVersion.major || (major === minVersion.major && minor < minVersion.minor)
}

const errorsOf = ({ version, max_payload, jetstream, cluster }: Info): string[] => [
  ...(isOld(version)
    ? [`NATS_URL is nats-server ${version}: ${minVersion.major}.${minVersion.minor} or newer is needed.`]
    : []),
  // In a cluster, other servers may have JetStream.
  ...(jetstream !== true && cluster === undefined
    ? ['NATS_URL is a nats-server without JetStream: turn it on (jetstream {} in its configuration, or -js).']
    : []),
  ...(max_payload < minPayloadBytes
    ? [`NATS_URL is a nats-server with max_payload ${max_payload}: ${minPayloadBytes} bytes at least are needed.`]
    : []),
]

/** Checks version, JetStream and payload size: events need them. */
export const brokerIsFit: ServerRule<ServiceConfig> = async ({ NATS_URL }) => {
  if (NATS_URL === undefined) return []
  const answers = (await Promise.all(urlsOf(NATS_URL).map(readInfo))).filter((info) => info !== undefined)
  return answers.length === 0 ? undefined : [...new Set(answers.flatMap(errorsOf))]
}
