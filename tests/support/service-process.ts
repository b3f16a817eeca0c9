import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { startServer } from '@rekey/local-servers/server'
import { nodeArguments, nodeVariables } from '@rekey/local-servers/service-node'
import type { Teardown } from './infrastructure.ts'
import { restartable, type TestServer } from './restartable.ts'

const services = join(import.meta.dirname, '../../services')

interface ServiceProcess {
  name: string
  /** Folder of its log. */
  dataDir: string
  env: Record<string, string>
  port?: number
  /** The path that answers once it has started: `/healthz` if the servers that it needs may be unavailable. */
  startedAt?: '/readyz' | '/healthz'
}

const mainOf = (name: string) => join(services, name, 'src/main.ts')

/** Runs a service that ends by itself. @returns what it printed and its exit code; it is ended after two minutes */
export const runToItsEnd = async (name: string, env: Record<string, string>) => {
  const child = spawn(process.execPath, [mainOf(name)], { env: { ...nodeVariables, ...env }, timeout: 120_000 })
  const [[code], stdout, stderr] = await Promise.all([once(child, 'close'), text(child.stdout), text(child.stderr)])
  return { code: code as number | null, stdout, stderr }
}

/** Starts a service as a process, which a test may kill and restart. Stopped when the test ends. */
export const startServiceProcess = async (
  t: Teardown,
  { name, dataDir, env, port: fixedPort, startedAt = '/readyz' }: ServiceProcess,
): Promise<TestServer> => {
  const service = await restartable((port = fixedPort) =>
    startServer({
      name,
      dataDir,
      port,
      stopSignal: 'SIGTERM',
      url: (port) => `http://127.0.0.1:${port}`,
      launch: (port) => ({
        command: process.execPath,
        args: [...nodeArguments(name), mainOf(name)],
        env: { ...nodeVariables, ...env, PORT: String(port) },
        channel: true,
      }),
      isReady: async (port) => (await fetch(`http://127.0.0.1:${port}${startedAt}`)).ok,
    }),
  )
  t.teardown(() => service.stop())
  return service
}
