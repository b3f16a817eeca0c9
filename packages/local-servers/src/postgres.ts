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
  /** Holds the cluster, its password and its log. */
  dataDir: string
  port?: number | undefined
  /** False spares the disk where a power cut may cost the data, as in tests; a crash of the process still may not. */
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
  // Made aside and then renamed: an initdb that was cut short must not pass for a cluster.
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

const forgetStrangersLock = (cluster: string) => {
  // Postgres takes any living process of its own account with the recorded number for another server of this cluster,
  // and would refuse to start for good when the number has gone to some other program since.
  const path = join(cluster, 'postmaster.pid')
  if (!existsSync(path)) return
  const pid = Number(readFileSync(path, 'utf8').split('\n')[0])
  if (startTimeOf(pid) === undefined) return
  const name = process.platform === 'linux' ? readFileSync(`/proc/${pid}/comm`, 'utf8').trim() : 'postgres'
  if (name !== 'postgres') rmSync(path)
}

/**
 * Starts PostgreSQL on 127.0.0.1 over TCP only, on a cluster that is made at the first start.
 * `url` opens the database `postgres` as its superuser.
 * @throws Error with the tail of its log when it does not become ready.
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
  forgetStrangersLock(cluster)

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
    stopSignal: 'SIGINT', // "fast shutdown": does not wait for clients to leave
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
    // Backends of a killed server hold its shared memory until they notice, which takes them a moment.
    isPassing: (log) => /pre-existing shared memory block|lock file "postmaster.pid" already exists/.test(log),
  })
}
