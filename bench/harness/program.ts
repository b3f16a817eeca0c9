import { type RunningServer, startServer } from '@rekey/local-servers/server'
import type { Teardown } from '@rekey/test-support/infrastructure'

interface Program {
  name: string
  /** Folder of its log. */
  dataDir: string
  command: string
  args: string[]
  /** The program listens on `PORT` of 127.0.0.1. */
  env: Record<string, string>
  /** Answers anything once the program has started. */
  readyPath?: string
  port?: number
  timeoutMs?: number
}

/** Starts a program that serves HTTP. Stopped when the bench ends. */
export const startProgram = async (
  t: Teardown,
  { name, dataDir, command, args, env, readyPath = '/', port, timeoutMs }: Program,
): Promise<RunningServer> => {
  const server = await startServer({
    name,
    dataDir,
    port,
    stopSignal: 'SIGTERM',
    url: (port) => `http://127.0.0.1:${port}`,
    launch: (port) => ({ command, args, env: { ...env, PORT: String(port) } }),
    isReady: async (port) => (await fetch(`http://127.0.0.1:${port}${readyPath}`)).status > 0,
    ...(timeoutMs !== undefined && { timeoutMs }),
  })
  t.teardown(() => server.stop())
  return server
}
