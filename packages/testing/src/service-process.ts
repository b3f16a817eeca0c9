import { join } from 'node:path'
import { startServer } from '@rekey/stack/server'
import type { Teardown } from './infrastructure.ts'
import { restartable, type TestServer } from './restartable.ts'

const services = join(import.meta.dirname, '../../../services')

interface ServiceProcess {
  name: string
  /** Holds its log, in a folder of its own. */
  dataDir: string
  env: Record<string, string>
  port?: number
}

/** A service as a process of its own, which a test may kill and start again. Stopped when the test ends. */
export const startServiceProcess = async (
  t: Teardown,
  { name, dataDir, env, port: fixedPort }: ServiceProcess,
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
        args: [join(services, name, 'src/main.ts')],
        env: { ...env, PORT: String(port) },
        channel: true,
      }),
      isReady: async (port) => (await fetch(`http://127.0.0.1:${port}/readyz`)).ok,
    }),
  )
  t.teardown(() => service.stop())
  return service
}
