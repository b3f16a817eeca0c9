import { spawnSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { chownSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { withSettings } from '@rekey/platform/postgres-settings'
import pg from 'pg'
import { postgresAccount } from './account.ts'
import { launch } from './launch.ts'
import { postgresBinaries } from './postgres-binaries.ts'
import { startTimeOf } from './process-identity.ts'
import { endOrphan, type RunningServer, startServer } from './server.ts'

export interface PostgresOptions {
  /** Folder of the cluster, its password and its log. */
  dataDir: string
  port?: number | undefined
  /** False turns fsync off: a power cut may lose data, a crash of the process may not. For tests. */
  durable?: boolean
  signal?: AbortSignal | undefined
}

const superuser = 'rekey'

const readPassword = (dataDir: string) => {
  const path = join(dataDir, 'password')
  if (!existsSync(path)) writeFileSync(path, randomBytes(24).toString('base64url'), { mode: 0o600, flag: 'wx' })
  return readFileSync(path, 'utf8')
}

const initialise = (
  initdb: string,
  { cluster, dataDir }: { cluster: string; dataDir: string },
  account: ReturnType<typeof postgresAccount>,
) => {
  // Created under another name and then renamed: an interrupted initdb must not look like a cluster.
  const unfinished = `${cluster}.unfinished`
  rmSync(unfinished, { recursive: true, force: true })
  mkdirSync(unfinished, { mode: 0o700 })
  if (account) {
    chownSync(unfinished, account.uid, account.gid)
    chownSync(join(dataDir, 'password'), account.uid, account.gid)
  }
  const args = ['-D', unfinished, '-U', superuser, '-A', 'scram-sha-256', `--pwfile=${join(dataDir, 'password')}`]
  const settings = ['--encoding=UTF8', '--no-locale', '--no-sync', '--no-instructions']
  const { command, args: wrapped, ...ids } = launch(initdb, [...args, ...settings], { stopSignal: 'SIGTERM', account })
  const { status, stderr, error } = spawnSync(command, wrapped, {
    encoding: 'utf8',
    env: { PATH: process.env.PATH ?? '', LC_ALL: 'C', TZ: 'UTC' },
    ...ids,
  })
  if (status !== 0) throw new Error(`initdb failed: ${error?.message ?? stderr.trim()}`)
  renameSync(unfinished, cluster)
}

const removeForeignLock = (cluster: string) => {
  // Postgres refuses to start if the recorded process id belongs to any live process of its account, even if another
  // program has got the id since.
  const path = join(cluster, 'postmaster.pid')
  if (!existsSync(path)) return
  const pid = Number(readFileSync(path, 'utf8').split('\n')[0])
  if (startTimeOf(pid) === undefined) return
  const name = process.platform === 'linux' ? readFileSync(`/proc/${pid}/comm`, 'utf8').trim() : 'postgres'
  if (name !== 'postgres') rmSync(path)
}

/**
 * Starts PostgreSQL on 127.0.0.1, over TCP only, and creates its cluster at the first start. `url` is that of the
 * superuser and the database `postgres`.
 * @throws Error with the tail of its log if it does not become ready
 */
export const startPostgres = async ({
  dataDir,
  port,
  durable = true,
  signal,
}: PostgresOptions): Promise<RunningServer> => {
  const { initdb, postgres } = await postgresBinaries()
  const account = postgresAccount()
  const cluster = join(dataDir, 'cluster')
  mkdirSync(dataDir, { recursive: true, mode: 0o700 })
  const password = readPassword(dataDir)
  await endOrphan(dataDir, 'SIGINT')
  if (!existsSync(join(cluster, 'PG_VERSION'))) initialise(initdb, { cluster, dataDir }, account)
  removeForeignLock(cluster)

  const settings = {
    listen_addresses: '127.0.0.1',
    unix_socket_directories: '',
    max_connections: '200',
    ...(durable ? {} : { fsync: 'off', full_page_writes: 'off' }),
  }
  const args = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`])
  const url = (port: number) => `postgresql://${superuser}:${password}@127.0.0.1:${port}/postgres`
  return startServer({
    name: 'Postgres',
    dataDir,
    port,
    signal,
    stopSignal: 'SIGINT', // "fast shutdown": does not wait for clients to disconnect
    url,
    launch: (port) => launch(postgres, ['-D', cluster, '-p', String(port), ...args], { stopSignal: 'SIGINT', account }),
    isReady: async (port) => {
      const client = new pg.Client({ connectionString: withSettings(url(port)), connectionTimeoutMillis: 2_000 })
      client.on('error', () => {})
      try {
        await client.connect()
        return true
      } finally {
        await client.end()
      }
    },
    // Backends of a killed server keep its shared memory for a moment.
    isTransient: (log) => /pre-existing shared memory block|lock file "postmaster.pid" already exists/.test(log),
  })
}
