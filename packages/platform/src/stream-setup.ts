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
 * Creates or updates every stream of the contracts, as the user of the variables: in production `streams`.
 *
 * @returns names of the streams
 * @throws ConfigError; Error if the broker does not answer, or the user may not create streams
 */
export const setUpStreams = async (env: NodeJS.ProcessEnv): Promise<string[]> => {
  const config = loadConfig(Env, env)
  const { url, ...access } = brokerAccess(config)
  const connection = await connectNats({
    ...access,
    servers: url.split(','),
    name: 'streams',
    inboxPrefix: '_INBOX.streams',
    timeout: 5_000,
    reconnect: false,
  }).catch((cause) => {
    throw new Error(`no connection to the broker: ${(cause as Error).message}`, { cause })
  })
  try {
    const names = Object.keys(streams) as StreamName[]
    await makeStreams(connection, names, config.REKEY_STREAM_REPLICAS)
    return [...names, deadLetters.name]
  } finally {
    await connection.close()
  }
}
