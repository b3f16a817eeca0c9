import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ask } from './ask.ts'
import { findOnPath } from './command.ts'
import { launch } from './launch.ts'
import { type RunningServer, startServer } from './server.ts'

export interface RedisOptions {
  /** Where the append-only file is kept. Absent: nothing outlives the process. */
  dataDir?: string | undefined
  port?: number | undefined
  binary?: string | undefined
  signal?: AbortSignal | undefined
}

/**
 * Starts a private Redis on 127.0.0.1. It refuses writes rather than evict a challenge when memory runs out.
 * @throws Error with the tail of its log when it does not become ready.
 */
export const startRedis = async ({
  dataDir,
  port,
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
    appendfsync: 'everysec',
    'maxmemory-policy': 'noeviction',
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
      isReady: async (port) => (await ask(port, 'PING\r\n')).startsWith('+PONG'),
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
