import { once } from 'node:events'
import { connect } from 'node:net'
import { composeProject } from '@rekey/local-servers/compose'
import { ensureDatabase } from '@rekey/local-servers/database'
import { startNats } from '@rekey/local-servers/nats'
import { startPostgres } from '@rekey/local-servers/postgres'
import { startRedis } from '@rekey/local-servers/redis'
import type { RunningServer } from '@rekey/local-servers/server'
import { ensureServers, type ServerName, type ServerSource } from '@rekey/local-servers/servers'
import { partsOf } from './data-dir.ts'
import type { PlacedSettings } from './settings.ts'

/** The context of one start, for each of its steps. */
export interface Start {
  settings: PlacedSettings
  say: (line: string) => void
  signal: AbortSignal
  /** Registers a part to be stopped at the end, also if another one does not start. */
  keep<Part extends RunningServer>(part: Promise<Part>): Promise<Part>
  /** Registers other work for the end. */
  onStop(stop: () => Promise<unknown>): void
}

/** The URL of the given database, else of a Postgres that is started here. */
export const findDatabase = async ({ settings, signal, keep }: Start) => {
  if (settings.urls.database) return settings.urls.database
  const server = await keep(startPostgres({ dataDir: partsOf(settings.dataDir).postgres, signal }))
  return ensureDatabase(server.url, 'rekey')
}

const startContainers = async (names: ServerName[], { settings, signal, onStop }: Start) => {
  const project = composeProject(settings.dataDir)
  if (settings.fresh) await project.remove()
  onStop(() => project.stop())
  const ports = await project.up(names, signal)
  return { redis: `redis://127.0.0.1:${ports.redis}`, nats: `nats://127.0.0.1:${ports.nats}` }
}

const connectTimeoutMs = 3_000

/** @throws Error that names the variable if nothing listens there */
const assertAnswers = async (variable: string, url: string) => {
  const { hostname, port, protocol } = new URL(url)
  const defaultPort = protocol.startsWith('redis') ? 6379 : 4222
  const socket = connect({ host: hostname.replace(/^\[|\]$/g, ''), port: Number(port) || defaultPort })
  try {
    await once(socket, 'connect', { signal: AbortSignal.timeout(connectTimeoutMs) })
  } catch {
    throw new Error(
      `no server answers at ${hostname}:${port || defaultPort}: check ${variable}, or unset it to start one`,
    )
  } finally {
    socket.destroy()
  }
}

const starters = { redis: startRedis, nats: startNats }
const inContainer = (source: ServerSource | undefined) => source !== undefined && 'compose' in source

/** The URLs of the given Redis and NATS, else of servers that are started here. */
export const findRedisAndNats = async (start: Start): Promise<Record<ServerName, string>> => {
  const { settings, say, signal, keep } = start
  const names = (['redis', 'nats'] as const).filter((name) => !settings.urls[name])
  const sources = await ensureServers(names, { say, signal, allowCompose: true })
  const contained = names.filter((name) => inContainer(sources[name]))
  const containers = contained.length ? await startContainers(contained, start) : undefined

  const find = async (name: ServerName) => {
    const given = settings.urls[name]
    if (given) {
      await assertAnswers(`${name.toUpperCase()}_URL`, given)
      return given
    }
    const source = sources[name]
    if (source && 'binary' in source) {
      const dataDir = partsOf(settings.dataDir)[name]
      return (await keep(starters[name]({ dataDir, binary: source.binary, signal }))).url
    }
    if (!containers) throw new Error(`no way to run ${name}`)
    return containers[name]
  }
  const [redis, nats] = await Promise.all([find('redis'), find('nats')])
  return { redis, nats }
}
