import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { resolve } from 'node:path'
import { promisify } from 'node:util'
import { succeeds } from './command.ts'
import { freePort } from './ports.ts'

const run = promisify(execFile)
const composeFile = resolve(import.meta.dirname, '../../../docker-compose.yml')

/** True if a container engine with Compose answers. */
export const composeAnswers = () =>
  succeeds('docker', ['info'], { timeoutMs: 5_000 }) && succeeds('docker', ['compose', 'version'])

/** Redis and NATS in containers of one data folder. */
export const composeProject = (dataDir: string) => {
  const name = `rekey-${createHash('sha256').update(resolve(dataDir)).digest('hex').slice(0, 8)}`
  const compose = (args: string[], options: { env?: NodeJS.ProcessEnv; signal?: AbortSignal | undefined } = {}) =>
    run('docker', ['compose', '-p', name, '-f', composeFile, ...args], options)
  return {
    /**
     * Starts the named services on free ports of 127.0.0.1 and waits until they are healthy; returns their ports.
     * @throws Error with the output of Compose
     */
    async up<Service extends 'redis' | 'nats'>(services: Service[], signal?: AbortSignal) {
      const ports = { redis: await freePort(), nats: await freePort() }
      const env = { ...process.env, REDIS_PORT: String(ports.redis), NATS_PORT: String(ports.nats) }
      await compose(['up', '-d', '--wait', ...services], { env, signal })
      return ports
    },
    /** Stops the containers and keeps their data. */
    stop: () => compose(['stop']),
    /** Removes the containers and their data. */
    remove: () => compose(['down', '--volumes']),
  }
}
