import { appendFileSync, chmodSync, chownSync, cpSync, readdirSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createDatabase } from '@rekey/local-servers/database'
import { migrate } from '@rekey/local-servers/migrate'
import { startPostgres } from '@rekey/local-servers/postgres'
import { sql } from '@rekey/test-support/customers'
import { eventually } from '@rekey/test-support/eventually'
import type { Teardown } from '@rekey/test-support/infrastructure'
import { restartable, type TestServer } from '@rekey/test-support/restartable'
import { wholePostgres } from '../../tests/resilience/postgres.ts'

const inDatabase = (server: TestServer, name: string) => {
  const url = new URL(server.url)
  url.pathname = name
  return url.href
}

/** A copied folder belongs to the account that copied it; Postgres starts only as the owner, and if nobody else reads. */
const giveTo = (folder: string, { uid, gid }: { uid: number; gid: number }) => {
  chmodSync(join(folder, 'cluster'), 0o700)
  for (const name of ['', ...readdirSync(folder, { recursive: true, encoding: 'utf8' })]) {
    chownSync(join(folder, name), uid, gid)
  }
}

/** Writes what makes a copied cluster the standby of a primary. @see Postgres documentation, 26.2.5 */
const makeStandby = (cluster: string, primary: TestServer) => {
  const { hostname, port, username, password } = new URL(primary.url)
  const { uid, gid } = statSync(cluster)
  const signal = join(cluster, 'standby.signal')
  writeFileSync(signal, '')
  chownSync(signal, uid, gid)
  chmodSync(signal, 0o600)
  const connection = `host=${hostname} port=${port} user=${username} password=${decodeURIComponent(password)}`
  appendFileSync(join(cluster, 'postgresql.auto.conf'), `primary_conninfo = '${connection}'\n`)
}

/**
 * A migrated database with a synchronous streaming standby: a commit that was acknowledged is on both disks, so that a
 * promotion loses nothing.
 */
export const startDatabasePair = async (t: Teardown, dir: string) => {
  const folders = { primary: join(dir, 'primary'), standby: join(dir, 'standby') }
  const start = async (dataDir: string) => {
    const server = wholePostgres(await restartable((port) => startPostgres({ dataDir, port })))
    t.teardown(() => server.stop())
    return server
  }
  const primary = await start(folders.primary)
  await migrate({ databaseUrl: await createDatabase(primary.url, 'rekey') })
  await primary.stop()
  cpSync(folders.primary, folders.standby, { recursive: true, preserveTimestamps: true })
  giveTo(folders.standby, statSync(join(folders.primary, 'cluster')))
  await primary.restart()
  makeStandby(join(folders.standby, 'cluster'), primary)
  const standby = await start(folders.standby)
  await sql(primary.url, `ALTER SYSTEM SET synchronous_standby_names = '*'`)
  await sql(primary.url, 'SELECT pg_reload_conf()')
  await eventually(
    async () => {
      const rows = await sql<{ state: string }>(primary.url, 'SELECT sync_state AS state FROM pg_stat_replication')
      return rows.some(({ state }) => state === 'sync')
    },
    { what: 'the synchronous standby' },
  )
  return {
    primary,
    standby,
    primaryUrl: inDatabase(primary, 'rekey'),
    /** Makes the standby the primary, as an operator's failover manager does. It then commits without a standby. */
    async promote() {
      await sql(standby.url, `ALTER SYSTEM SET synchronous_standby_names = ''`)
      await sql(standby.url, 'SELECT pg_reload_conf()')
      await sql(standby.url, 'SELECT pg_promote(true, 30)')
    },
  }
}

export type DatabasePair = Awaited<ReturnType<typeof startDatabasePair>>
