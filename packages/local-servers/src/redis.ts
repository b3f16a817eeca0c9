import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { findOnPath } from './command.ts'
import { exchangeLine } from './exchange-line.ts'
import { launch } from './launch.ts'
import { type RunningServer, startServer } from './server.ts'

export interface RedisOptions {
  /** Folder of the append-only file. Absent: data is lost at the end of the process. */
  dataDir?: string | undefined
  /**
   * `always`: acknowledged writes survive a kill. `everysec` (the default): a killed Redis may lose its last two seconds
   * while the disk is busy.
   */
  appendfsync?: 'always' | 'everysec'
  port?: number | undefined
  /** Makes this server a node of a cluster; the cluster bus uses this port. */
  clusterPort?: number | undefined
  binary?: string | undefined
  signal?: AbortSignal | undefined
}

/**
 * Starts a private Redis on 127.0.0.1. If its memory is full, it refuses writes and does not evict challenges.
 * @throws Error with the tail of its log if it does not become ready
 */
export const startRedis = async ({
  dataDir,
  appendfsync = 'everysec',
  port,
  clusterPort,
  binary = findOnPath('redis-server') ?? 'redis-server',
  signal,
}: RedisOptions = {}): Promise<RunningServer> => {
  const dir = dataDir ?? mkdtempSync(join(tmpdir(), 'rekey-redis-'))
  const removeScratch = () => dataDir === undefined && rmSync(dir, { recursive: true, force: true })
  const settings = {
    bind: '127.0.0.1',
    'protected-mode': 'yes',
    daemonize: 'no',
    dir,
    save: '',
    appendonly: dataDir === undefined ? 'no' : 'yes',
    appendfsync,
    'maxmemory-policy': 'noeviction',
    ...(clusterPort !== undefined && { 'cluster-enabled': 'yes', 'cluster-port': String(clusterPort) }),
  }
  const args = Object.entries(settings).flatMap(([name, value]) => [`--${name}`, value])
  try {
    const server = await startServer({
      name: 'Redis',
      dataDir: dir,
      port,
      signal,
      stopSignal: 'SIGTERM',
      url: (port) => `redis://127.0.0.1:${port}`,
      launch: (port) => launch(binary, [...args, '--port', String(port)], { stopSignal: 'SIGTERM' }),
      isReady: async (port) => (await exchangeLine(port, 'PING\r\n')).startsWith('+PONG'),
    })
    return {
      ...server,
      async stop() {
        await server.stop()
        removeScratch()
      },
    }
  } catch (error) {
    removeScratch()
    throw error
  }
}
