import { execFile } from 'node:child_process'
import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { generateKeys, keyFiles } from '@rekey/local-servers/keys'
import { migrate } from '@rekey/local-servers/migrate'
import { freePort } from '@rekey/local-servers/ports'
import type { RunningServer } from '@rekey/local-servers/server'
import {
  demoClient,
  demoConsoleVariables,
  demoProviderVariables,
  gatewayVariables,
  notifierVariables,
  passwordServiceVariables,
} from '@rekey/local-servers/topology'
import { partsOf } from './data-dir.ts'
import { findDatabase, findRedisAndNats, type Start } from './servers.ts'
import { startService } from './service.ts'
import { type MeasuredService, metricsPortOf, type PlacedSettings } from './settings.ts'

const root = join(import.meta.dirname, '../..')

const seed = async (databaseUrl: string, keysDir: string, signal: AbortSignal) => {
  const env = {
    PATH: process.env.PATH ?? '',
    DATABASE_URL: databaseUrl,
    REKEY_PROFILE: 'sandbox',
    REKEY_SECRETS_FILE: keyFiles(keysDir).passwordService,
  }
  try {
    await promisify(execFile)(process.execPath, ['prisma/seed.ts'], { cwd: root, env, signal })
  } catch (error) {
    throw new Error(`seeding the sandbox failed:\n${(error as { stderr?: string }).stderr?.trim() || error}`)
  }
}

/** Writes the URLs of this run's servers to a file that the operator's commands read, and removes it at the end. */
const writeServers = ({ settings, onStop }: Start, urls: Record<string, string>) => {
  const { servers } = partsOf(settings.dataDir)
  const lines = Object.entries(urls).map(([name, url]) => `${name}=${url}\n`)
  rmSync(servers, { force: true })
  writeFileSync(servers, lines.join(''), { mode: 0o600 })
  onStop(async () => rmSync(servers, { force: true }))
}

const startParts = async (start: Start) => {
  const { settings, signal } = start
  const keysDir = partsOf(settings.dataDir).keys
  const [passwordPort, notifierPort, smtpPort] = await Promise.all([freePort(), freePort(), freePort()])

  const keysReady = generateKeys(keysDir, 'sandbox')
  const serversReady = findRedisAndNats(start)
  const databaseReady = findDatabase(start).then(async (url) => {
    await migrate({ databaseUrl: url })
    return url
  })
  const local = (port: number) => `http://127.0.0.1:${port}`
  const common = async () => {
    const [{ nats }] = await Promise.all([serversReady, keysReady])
    return { profile: 'sandbox', publicUrl: `http://localhost:${settings.port}`, natsUrl: nats, keysDir } as const
  }
  const own = (name: MeasuredService, port: number) => ({
    HOST: '127.0.0.1',
    PORT: String(port),
    REKEY_METRICS_PORT: String(metricsPortOf(settings, name)),
    // A check may run more often in an hour than a customer may be sent codes.
    ...(settings.mode === 'check' && { REKEY_LIMITS_SCALE: '1000' }),
  })

  const { providerPort } = settings
  const provider = providerPort === undefined ? {} : demoProviderVariables(`http://localhost:${providerPort}`)

  const client = demoClient(`http://localhost:${settings.port}`)
  const startProvider = (port: number) =>
    startService(
      'demo-provider',
      port,
      {
        HOST: '127.0.0.1',
        PROVIDER_PORT: String(port),
        PROVIDER_CLIENT_ID: client.clientId,
        PROVIDER_REDIRECT_URI: client.redirectUri,
        PROVIDER_AUDIENCE: client.audience,
      },
      start,
    )
  const startInbox = () =>
    startService(
      'inbox',
      settings.inboxPort,
      { HOST: '127.0.0.1', INBOX_PORT: String(settings.inboxPort), INBOX_SMTP_PORT: String(smtpPort) },
      start,
    )
  const startGateway = async () => {
    const [servers, { redis }] = await Promise.all([common(), serversReady])
    const variables = gatewayVariables({ ...servers, redisUrl: redis, passwordServiceUrl: local(passwordPort) })
    const inbox = { REKEY_INBOX_URL: `http://localhost:${settings.inboxPort}` }
    const console = providerPort === undefined ? {} : demoConsoleVariables
    const all = { ...variables, ...inbox, ...provider, ...console, ...own('auth-gateway', settings.port) }
    return startService('auth-gateway', settings.port, all, start)
  }
  const startPasswordService = async () => {
    const [servers, databaseUrl] = await Promise.all([common(), databaseReady])
    const variables = passwordServiceVariables({ ...servers, databaseUrl, gatewayUrl: local(settings.port) })
    const all = { ...variables, ...provider, ...own('password-service', passwordPort) }
    return startService('password-service', passwordPort, all, start)
  }
  const startNotifier = async () => {
    const smtpUrl = `smtp://127.0.0.1:${smtpPort}`
    const variables = notifierVariables({ ...(await common()), smtpUrl, smsUrl: local(settings.inboxPort) })
    return startService('notifier', notifierPort, { ...variables, ...own('notifier', notifierPort) }, start)
  }
  return [
    startInbox(),
    ...(providerPort === undefined ? [] : [startProvider(providerPort)]),
    startGateway(),
    startPasswordService(),
    startNotifier(),
    Promise.all([databaseReady, keysReady]).then(([url]) => seed(url, keysDir, signal)),
    Promise.all([databaseReady, serversReady]).then(([database, { redis, nats }]) =>
      writeServers(start, { DATABASE_URL: database, REDIS_URL: redis, NATS_URL: nats }),
    ),
  ]
}

export interface Sandbox {
  /** Resolves with the part that ended by itself. */
  readonly broken: Promise<RunningServer>
  /** Stops the services, then the servers that they use. */
  stop(): Promise<void>
}

/**
 * Starts the whole sandbox, its parts at once where possible. If one does not start, all others are stopped.
 * @throws Error of the first part that does not start; the signal's reason if it is aborted
 */
export const startSandbox = async (
  settings: PlacedSettings,
  { say, signal: stopAsked }: { say: (line: string) => void; signal: AbortSignal },
): Promise<Sandbox> => {
  const failed = new AbortController()
  const signal = AbortSignal.any([stopAsked, failed.signal])
  const begun: Promise<RunningServer>[] = []
  const others: (() => Promise<unknown>)[] = []
  let stopped: Promise<void> | undefined

  const stopAll = async () => {
    const started = (await Promise.allSettled(begun)).flatMap((part) => (part.status === 'fulfilled' ? part.value : []))
    const isService = ({ url }: RunningServer) => url.startsWith('http:')
    await Promise.all(started.filter(isService).map((part) => part.stop()))
    await Promise.all([
      ...started.filter((part) => !isService(part)).map((part) => part.stop()),
      ...others.map((stop) => stop()),
    ])
  }
  const stop = () => {
    stopped ??= stopAll()
    return stopped
  }
  const keep = <Part extends RunningServer>(part: Promise<Part>) => {
    begun.push(part)
    return part
  }

  const steps = await startParts({ settings, say, signal, keep, onStop: (stop) => others.push(stop) })
  try {
    await Promise.all(steps)
  } catch (error) {
    failed.abort(error)
    await Promise.allSettled(steps)
    await stop()
    throw error
  }
  const parts = await Promise.all(begun)
  const broken = Promise.race(parts.map((part) => part.exited.then(() => part)))
  return { broken, stop }
}
