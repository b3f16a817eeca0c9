import { chownSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { postgresAccount } from '@rekey/local-servers/account'
import { aptInstall, canAptInstall } from '@rekey/local-servers/apt'
import { findOnPath } from '@rekey/local-servers/command'
import { launch } from '@rekey/local-servers/launch'
import { type RunningServer, startServer } from '@rekey/local-servers/server'
import pg from 'pg'

/** Why there is no PgBouncer here; undefined if there is one. Installs it where this process may. */
export const whyNoPooler = async (): Promise<string | undefined> => {
  if (findOnPath('pgbouncer')) return undefined
  if (!canAptInstall()) return 'platform: PgBouncer is not installed'
  return aptInstall(['pgbouncer']).then(
    () => undefined,
    () => 'platform: PgBouncer cannot be installed',
  )
}

const example = join(import.meta.dirname, '../../deploy/pgbouncer/pgbouncer.ini')

/** The settings of deploy/pgbouncer, with others for one machine without TLS. */
const configuration = (settings: Record<string, string>, database: string) => {
  const names = Object.keys(settings)
  const kept = readFileSync(example, 'utf8')
    .split('\n')
    .filter((line) => !/^\w*tls_/.test(line) && !names.some((name) => line.startsWith(`${name} =`)))
    .map((line) => (line.startsWith('rekey = ') ? database : line))
  return [...kept, ...Object.entries(settings).map(([name, value]) => `${name} = ${value}`)].join('\n')
}

interface Options {
  dataDir: string
  /** The database. */
  url: string
  port?: number | undefined
  /** Settings beside those of deploy/pgbouncer. */
  settings?: Record<string, string>
}

/**
 * Starts the PgBouncer of deploy/pgbouncer in front of a database.
 * @returns the server, whose URL has the same database and role
 */
export const startPooler = async ({ dataDir, url, port, settings = {} }: Options): Promise<RunningServer> => {
  const { hostname, port: postgresPort, pathname, username, password } = new URL(url)
  const account = postgresAccount()
  mkdirSync(dataDir, { recursive: true })
  const [users, file] = [join(dataDir, 'users.txt'), join(dataDir, 'pgbouncer.ini')]
  const pooled = (port: number) => {
    const own = new URL(url)
    own.port = String(port)
    return own.href
  }
  writeFileSync(users, `"${decodeURIComponent(username)}" "${decodeURIComponent(password)}"\n`, { mode: 0o600 })
  return startServer({
    name: 'PgBouncer',
    dataDir,
    port,
    stopSignal: 'SIGTERM',
    url: pooled,
    launch: (port) => {
      const database = `${decodeURIComponent(pathname.slice(1))} = host=${hostname} port=${postgresPort}`
      const own = {
        listen_addr: '127.0.0.1',
        listen_port: String(port),
        auth_file: users,
        unix_socket_dir: '',
        ...settings,
      }
      writeFileSync(file, configuration(own, database), { mode: 0o600 })
      if (account) for (const path of [users, file]) chownSync(path, account.uid, account.gid)
      return launch(findOnPath('pgbouncer') ?? 'pgbouncer', [file], { stopSignal: 'SIGTERM', account })
    },
    isReady: async (port) => {
      const client = new pg.Client({ connectionString: pooled(port), connectionTimeoutMillis: 2_000 })
      client.on('error', () => {})
      try {
        await client.connect()
        return true
      } finally {
        await client.end()
      }
    },
  })
}
