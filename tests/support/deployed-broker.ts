import { execFileSync } from 'node:child_process'
import { cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
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

const deployed = join(import.meta.dirname, '../../deploy/nats')

/** The deployed configuration; for a server before 2.10 without the line that it refuses. */
const configurationFor = (binary: string, dir: string): string => {
  const [, major, minor] = /v(\d+)\.(\d+)/.exec(execFileSync(binary, ['--version'], { encoding: 'utf8' })) ?? []
  if (Number(major) > 2 || Number(minor) >= 10) return join(deployed, 'nats-server.conf')
  cpSync(deployed, dir, { recursive: true })
  const path = join(dir, 'nats-server.conf')
  writeFileSync(path, readFileSync(path, 'utf8').replace(/^ *sync_interval: always\n/m, ''))
  return path
}

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
  const configuration = configurationFor(binary, join(dataDir, 'configuration'))
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
