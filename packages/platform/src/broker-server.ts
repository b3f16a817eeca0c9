import { connect } from 'node:net'
import type { ServiceConfig } from './config.ts'
import { type ServerRule, urlsOf } from './production.ts'

/** The oldest that we run on: 2.9. */
const least = { major: 2, minor: 9 }

/** Bytes. A request has 16 KiB; sealed and in an event it is below four times as much. */
const leastPayload = 65_536

/** What a server says of itself to every connection, before TLS and before it asks who is there (INFO, NATS protocol). */
interface Info {
  version: string
  max_payload: number
  jetstream?: boolean
  cluster?: string
}

const timeoutMs = 2_000
const defaultPort = 4_222

/** @returns undefined where it does not answer, or with something else */
const ask = ({ hostname, port }: URL): Promise<Info | undefined> =>
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
  return major < least.major || (major === least.major && minor < least.minor)
}

const faultsOf = ({ version, max_payload, jetstream, cluster }: Info): string[] => [
  ...(isOld(version) ? [`NATS_URL is nats-server ${version}: ${least.major}.${least.minor} or newer is needed.`] : []),
  // In a cluster other servers may keep the streams.
  ...(jetstream !== true && cluster === undefined
    ? ['NATS_URL is a nats-server without JetStream: turn it on (jetstream {} in its configuration, or -js).']
    : []),
  ...(max_payload < leastPayload
    ? [`NATS_URL is a nats-server with max_payload ${max_payload}: ${leastPayload} bytes at least are needed.`]
    : []),
]

/** Events need streams, and room. */
export const brokerIsFit: ServerRule<ServiceConfig> = async ({ NATS_URL }) => {
  if (NATS_URL === undefined) return []
  const answers = (await Promise.all(urlsOf(NATS_URL).map(ask))).filter((info) => info !== undefined)
  return answers.length === 0 ? undefined : [...new Set(answers.flatMap(faultsOf))]
}
