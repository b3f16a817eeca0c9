import { deadLetters, type StreamName, streams } from '@rekey/contracts'
import { Type } from '@sinclair/typebox'
import { brokerAccess } from './broker-access.ts'
import { connectNats } from './broker-transport.ts'
import { loadConfig, serviceEnv } from './config.ts'
import { makeStreams } from './streams.ts'

const { NATS_URL, NATS_CA_FILE, NATS_NKEY_FILE, NATS_CREDENTIALS_FILE, NATS_USER, NATS_PASSWORD } = serviceEnv
const Env = Type.Object({
  NATS_URL,
  NATS_CA_FILE,
  NATS_NKEY_FILE,
  NATS_CREDENTIALS_FILE,
  NATS_USER,
  NATS_PASSWORD,
  REKEY_STREAM_REPLICAS: serviceEnv.REKEY_STREAM_REPLICAS,
})

/**
 * Makes every stream be as the contracts say, as whoever the variables say: in production the operator.
 *
 * @returns their names
 * @throws ConfigError; Error where the broker does not answer, or does not let this user make streams
 */
export const setUpStreams = async (env: NodeJS.ProcessEnv): Promise<string[]> => {
  const config = loadConfig(Env, env)
  const { url, ...access } = brokerAccess(config)
  const connection = await connectNats({
    ...access,
    servers: url.split(','),
    name: 'operator',
    inboxPrefix: '_INBOX.operator',
    timeout: 5_000,
    reconnect: false,
  }).catch((cause) => {
    throw new Error(`the broker takes no connection: ${(cause as Error).message}`, { cause })
  })
  try {
    const names = Object.keys(streams) as StreamName[]
    await makeStreams(connection, names, config.REKEY_STREAM_REPLICAS)
    return [...names, deadLetters.name]
  } finally {
    await connection.close()
  }
}
