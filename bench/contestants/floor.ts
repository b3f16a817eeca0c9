import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startNats } from '@rekey/local-servers/nats'
import { startPostgres } from '@rekey/local-servers/postgres'
import { startRedis } from '@rekey/local-servers/redis'
import type { RunningServer } from '@rekey/local-servers/server'
import type { Teardown } from '@rekey/test-support/infrastructure'
import { startProgram } from '../harness/program.ts'
import type { Started } from '../harness/protocol.ts'

const stores = {
  REDIS_URL: (dir: string) => startRedis({ dataDir: join(dir, 'redis') }),
  NATS_URL: (dir: string) => startNats({ dataDir: join(dir, 'nats') }),
  DATABASE_URL: (dir: string) => startPostgres({ dataDir: join(dir, 'postgres') }),
} satisfies Record<string, (dir: string) => Promise<RunningServer>>

interface Options {
  /** Files of bench/floors: each gets the URL of the one before. The last one answers the load. */
  programs: string[]
  /** The stores that they need, by the variable with their URL. */
  needs?: (keyof typeof stores)[]
}

/** Programs that do the least that an implementation must do, with stores of their own. */
export const start = async (t: Teardown, { programs, needs = [] }: Options): Promise<Started> => {
  const dir = mkdtempSync(join(tmpdir(), 'rekey-bench-'))
  t.teardown(() => rmSync(dir, { recursive: true, force: true }))
  const env: Record<string, string> = { NODE_ENV: 'production' }
  for (const name of needs) {
    const server = await stores[name](dir)
    t.teardown(() => server.stop())
    env[name] = server.url
  }
  const running = new Map<string, RunningServer>()
  const startOne = (program: string, upstreamUrl: string, dataDir = program) =>
    startProgram(t, {
      name: program,
      dataDir: join(dir, dataDir),
      command: process.execPath,
      args: [join(import.meta.dirname, '../floors', `${program}.ts`)],
      env: { ...env, UPSTREAM_URL: upstreamUrl },
    })
  let url = ''
  for (const program of programs) {
    const server = await startOne(program, url)
    running.set(program, server)
    url = server.url
  }
  return {
    url,
    facts: {},
    commands: {
      pidOf: async (program: string) => running.get(program)?.pid,
      /** Starts another instance on the same stores. */
      async startAnother(program: string) {
        const { url, pid } = await startOne(program, '', `another ${program}`)
        return { url, pid }
      },
    },
  }
}
