import { execFile } from 'node:child_process'
import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { generateKeys, keyFiles } from '@rekey/local-servers/keys'
import { migrate } from '@rekey/local-servers/migrate'
import { freePort } from '@rekey/local-servers/ports'
import type { RunningServer } from '@rekey/local-servers/server'
import { partsOf } from './data-dir.ts'
import { findDatabase, findRedisAndNats, type Start } from './servers.ts'
import { startService } from './service.ts'
import type { Settings } from './settings.ts'

const root = join(import.meta.dirname, '../..')

const seed = async (databaseUrl: string, signal: AbortSignal) => {
  const env = { PATH: process.env.PATH ?? '', DATABASE_URL: databaseUrl }
  try {
    await promisify(execFile)(process.execPath, ['prisma/seed.ts'], { cwd: root, env, signal })
  } catch (error) {
    throw new Error(`seeding the sandbox failed:\n${(error as { stderr?: string }).stderr?.trim() || error}`)
  }
}

/** Notes where this run's servers are, in a form that the operator's commands read. Gone when they are. */
const noteServers = ({ settings, onStop }: Start, urls: Record<string, string>) => {
  const { servers } = partsOf(settings.dataDir)
  const lines = Object.entries(urls).map(([name, url]) => `${name}=${url}\n`)
  rmSync(servers, { force: true })
  writeFileSync(servers, lines.join(''), { mode: 0o600 })
  onStop(async () => rmSync(servers, { force: true }))
}

const startParts = async (start: Start) => {
  const { settings, signal } = start
  const keysDir = partsOf(settings.dataDir).keys
  const keys = keyFiles(keysDir)
  const gatewayUrl = `http://127.0.0.1:${settings.port}`
  const [passwordPort, notifierPort, smtpPort] = await Promise.all([freePort(), freePort(), freePort()])

  const keysReady = generateKeys(keysDir, 'sandbox')
  const serversReady = findRedisAndNats(start)
  const databaseReady = findDatabase(start).then(async (url) => {
    await migrate({ databaseUrl: url })
    return url
  })
  const common = async (secretsFile: string) => {
    const [{ nats }] = await Promise.all([serversReady, keysReady])
    return {
      HOST: '127.0.0.1',
      REKEY_PROFILE: 'sandbox',
      REKEY_PUBLIC_URL: `http://localhost:${settings.port}`,
      NATS_URL: nats,
      REKEY_SECRETS_FILE: secretsFile,
      // May be run more often than a customer is sent codes.
      ...(settings.mode === 'check' && { REKEY_LIMITS_SCALE: '1000' }),
    }
  }

  const startInbox = () =>
    startService(
      'inbox',
      settings.inboxPort,
      { HOST: '127.0.0.1', INBOX_PORT: String(settings.inboxPort), INBOX_SMTP_PORT: String(smtpPort) },
      start,
    )
  const startGateway = async () => {
    const [env, { redis }] = await Promise.all([common(keys.authGateway), serversReady])
    return startService(
      'auth-gateway',
      settings.port,
      {
        ...env,
        PORT: String(settings.port),
        REDIS_URL: redis,
        REKEY_PASSWORD_SERVICE_URL: `http://127.0.0.1:${passwordPort}`,
        REKEY_SIGNING_KEYS_FILE: keys.signingKeys,
      },
      start,
    )
  }
  const startPasswordService = async () => {
    const [env, databaseUrl] = await Promise.all([common(keys.passwordService), databaseReady])
    return startService(
      'password-service',
      passwordPort,
      {
        ...env,
        PORT: String(passwordPort),
        DATABASE_URL: databaseUrl,
        REKEY_JWKS_URL: `${gatewayUrl}/.well-known/jwks.json`,
      },
      start,
    )
  }
  const startNotifier = async () =>
    startService(
      'notifier',
      notifierPort,
      {
        ...(await common(keys.notifier)),
        PORT: String(notifierPort),
        SMTP_URL: `smtp://127.0.0.1:${smtpPort}`,
        REKEY_SMS_URL: `http://127.0.0.1:${settings.inboxPort}/api/v1/sms`,
      },
      start,
    )
  return [
    startInbox(),
    startGateway(),
    startPasswordService(),
    startNotifier(),
    databaseReady.then((url) => seed(url, signal)),
    Promise.all([databaseReady, serversReady]).then(([database, { redis, nats }]) =>
      noteServers(start, { DATABASE_URL: database, REDIS_URL: redis, NATS_URL: nats }),
    ),
  ]
}

export interface Sandbox {
  /** Resolves with the part that ended although nobody had asked it to. */
  readonly broken: Promise<RunningServer>
  /** Stops everything that was started: the services first, then what they use. */
  stop(): Promise<void>
}

/**
 * Starts the whole sandbox, as much of it at once as can be.
 * Either all of it runs when this resolves, or nothing of it is left when it rejects.
 * @throws Error of the first part that does not start; the signal's reason when it is aborted.
 */
export const startSandbox = async (
  settings: Settings,
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
