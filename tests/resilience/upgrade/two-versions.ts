import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { createDatabase } from '@rekey/local-servers/database'
import { startPostgres } from '@rekey/local-servers/postgres'
import { startRedis } from '@rekey/local-servers/redis'
import { startServer } from '@rekey/local-servers/server'
import { nodeVariables } from '@rekey/local-servers/service-node'
import { gatewayVariables, notifierVariables, passwordServiceVariables } from '@rekey/local-servers/topology'
import { eventually } from '@rekey/test-support/eventually'
import { startInbox } from '@rekey/test-support/inbox'
import type { Teardown } from '@rekey/test-support/infrastructure'
import { type Link, startLink } from '@rekey/test-support/link'
import { restartable, type TestServer } from '@rekey/test-support/restartable'
import { startBrokers } from '../brokers.ts'
import { runCommand } from './version-before.ts'

export const serviceNames = ['notifier', 'password-service', 'auth-gateway'] as const
export type ServiceName = (typeof serviceNames)[number]

/** N−1 and N. */
export type Version = 'old' | 'new'
export const versions = ['old', 'new'] as const

const portOf = ({ url }: { url: string }) => Number(new URL(url).port)

/** The stores, without tables, streams and keys: the commands of the versions make them. */
const startStores = async (t: Teardown, dataDir: string) => {
  const inbox = await startInbox()
  t.teardown(() => inbox.close())
  const redis = await startRedis({ dataDir: join(dataDir, 'redis') })
  t.teardown(() => redis.stop())
  const postgres = await startPostgres({ dataDir: join(dataDir, 'postgres') })
  t.teardown(() => postgres.stop())
  const brokers = await startBrokers(t, join(dataDir, 'nats'), 1)
  const natsUrl = String(brokers.servers[0]?.url)
  return { inbox, redisUrl: redis.url, natsUrl, databaseUrl: await createDatabase(postgres.url, 'rekey') }
}

const startLinks = async (t: Teardown) => {
  const start = async () => {
    const link = await startLink()
    t.teardown(() => link.close())
    return link
  }
  return {
    /** Of the password-services, to the keys of any gateway. */
    keys: await start(),
    /** Of each version's gateway to password-services. */
    passwordService: { old: await start(), new: await start() } satisfies Record<Version, Link>,
  }
}

/**
 * The stores of one installation, and the services of two versions on them. The commands of a version make and change
 * what it stores, as in an upgrade (docs/upgrade.md).
 *
 * @param roots folder of the sources of each version
 */
export const createTwoVersions = async (t: Teardown, dataDir: string, roots: Record<Version, string>) => {
  const stores = await startStores(t, dataDir)
  const { inbox, redisUrl, natsUrl, databaseUrl } = stores
  const links = await startLinks(t)
  const keysDir = join(dataDir, 'keys')
  // The issuer of the tokens of both gateways; nothing listens there.
  const common = { profile: 'sandbox', publicUrl: `http://127.0.0.1:${links.keys.port}`, natsUrl, keysDir } as const
  const local = ({ port }: Link) => `http://127.0.0.1:${port}`
  const variablesOf = (version: Version): Record<ServiceName, Record<string, string>> => ({
    notifier: notifierVariables({ ...common, smtpUrl: inbox.smtpUrl, smsUrl: inbox.httpUrl }),
    'password-service': passwordServiceVariables({ ...common, databaseUrl, gatewayUrl: local(links.keys) }),
    'auth-gateway': {
      ...gatewayVariables({ ...common, redisUrl, passwordServiceUrl: local(links.passwordService[version]) }),
      REKEY_RESEND_SECONDS: '1',
    },
  })
  const running: Record<Version, Map<ServiceName, TestServer>> = { old: new Map(), new: new Map() }

  const start = async (version: Version, name: ServiceName) => {
    const stopped = running[version].get(name)
    if (stopped) return stopped.restart()
    const folder = join(roots[version], 'services', name)
    const argumentsFile = join(folder, 'node-arguments')
    const nodeArguments = existsSync(argumentsFile) ? readFileSync(argumentsFile, 'utf8').trim().split(' ') : []
    const env = {
      ...nodeVariables,
      ...variablesOf(version)[name],
      REKEY_LIMITS_SCALE: '1000',
      REKEY_DRAIN_SECONDS: '3',
      REKEY_HASH_CONCURRENCY: '4',
    }
    const service = await restartable((port) =>
      startServer({
        name: `${name} (${version})`,
        dataDir: join(dataDir, `${name}-${version}`),
        port,
        stopSignal: 'SIGTERM',
        timeoutMs: 120_000,
        url: (port) => `http://127.0.0.1:${port}`,
        launch: (port) => ({
          command: process.execPath,
          args: [...nodeArguments, join(folder, 'src/main.ts')],
          env: { ...env, PORT: String(port) },
          channel: true,
        }),
        // The password-service is not ready before a gateway answers with its keys: only its own answer counts here.
        isReady: async (port) => (await fetch(`http://127.0.0.1:${port}/healthz`)).ok,
      }),
    )
    t.teardown(() => service.stop())
    running[version].set(name, service)
  }
  /** @returns what the command of the version printed */
  const migrate = (version: Version) =>
    runCommand(roots[version], ['scripts/migrate.ts'], { DATABASE_URL: databaseUrl })
  const urlOf = (version: Version, name: ServiceName) => String(running[version].get(name)?.url)
  const isReady = async (version: Version, name: ServiceName) => (await fetch(`${urlOf(version, name)}/readyz`)).ok

  return {
    ...stores,
    keysDir,
    links,
    urlOf,
    start,
    /** Waits until services of a version answer that they are ready. */
    ready: (version: Version, names: readonly ServiceName[] = serviceNames) =>
      Promise.all(
        names.map((name) => eventually(() => isReady(version, name), { what: `${name} (${version}) to be ready` })),
      ),
    /** Sends SIGTERM. @returns the exit code: 0 proves that no work was left */
    stop: async (version: Version, name: ServiceName) => {
      const service = running[version].get(name)
      if (!service) throw new Error(`${name} (${version}) does not run`)
      const { exited, pid } = service
      process.kill(pid, 'SIGTERM')
      return exited
    },
    /** Makes the keys, tables and streams that a version needs and that are missing. */
    prepare: async (version: Version) => {
      await runCommand(roots[version], ['scripts/keys.ts', 'generate', keysDir], {})
      await migrate(version)
      await runCommand(roots[version], ['scripts/streams.ts'], { NATS_URL: natsUrl })
    },
    migrate,
    /** Verifies the history with the command of a version. @returns what it printed */
    verifyHistory: (version: Version) =>
      runCommand(roots[version], ['scripts/history.ts', 'verify'], { DATABASE_URL: databaseUrl }),
    /** Sets to which password-services new connections of a version's gateway go. */
    lead: (of: Version, to: readonly Version[]) =>
      links.passwordService[of].leadTo(to.map((version) => portOf({ url: urlOf(version, 'password-service') }))),
    /** Sets which gateways answer password-services with the keys. */
    publishKeys: (of: readonly Version[]) =>
      links.keys.leadTo(of.map((version) => portOf({ url: urlOf(version, 'auth-gateway') }))),
  }
}

export type TwoVersions = Awaited<ReturnType<typeof createTwoVersions>>
