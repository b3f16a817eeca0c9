import { mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseEnv } from 'node:util'
import { findOnPath } from '@rekey/local-servers/command'
import { exchangeLine } from '@rekey/local-servers/exchange-line'
import { type BrokerUser, brokerKeysFile, nkeyFile } from '@rekey/local-servers/keys'
import { launch } from '@rekey/local-servers/launch'
import { startServer } from '@rekey/local-servers/server'
import { setUpStreams } from '@rekey/platform/stream-setup'
import type { Certificate } from './certificate.ts'
import type { Teardown } from './infrastructure.ts'
import { restartable } from './restartable.ts'

const configuration = join(import.meta.dirname, '../../deploy/nats/nats-server.conf')

interface Options {
  dataDir: string
  /** Folder of production's keys. */
  keysDir: string
  certificate: Certificate
}

/** Starts a broker with the configuration of deploy/nats; its user `streams` creates the streams. */
export const startDeployedBroker = async (t: Teardown, { dataDir, keysDir, certificate }: Options) => {
  mkdirSync(dataDir, { recursive: true })
  const env = {
    ...parseEnv(readFileSync(brokerKeysFile(keysDir), 'utf8')),
    NATS_STORE_DIR: dataDir,
    NATS_CERT_FILE: certificate.certFile,
    NATS_KEY_FILE: certificate.keyFile,
  }
  const binary = findOnPath('nats-server') ?? 'nats-server'
  const server = await restartable((given) =>
    startServer({
      name: 'NATS',
      dataDir,
      port: given,
      stopSignal: 'SIGTERM',
      url: (port) => `tls://localhost:${port}`,
      launch: (port) => ({
        ...launch(binary, ['-c', configuration, '-a', '127.0.0.1', '-p', String(port)], { stopSignal: 'SIGTERM' }),
        env,
      }),
      isReady: async (port) => /^INFO .*"jetstream":true/.test(await exchangeLine(port)),
    }),
  )
  t.teardown(() => server.stop())
  /** The variables with which a user connects. */
  const access = (user: BrokerUser) => ({
    NATS_URL: server.url,
    NATS_CA_FILE: certificate.certFile,
    NATS_NKEY_FILE: nkeyFile(keysDir, user),
  })
  await setUpStreams(access('streams'))
  return { server, access }
}
