import { execFileSync } from 'node:child_process'
import { chownSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { postgresAccount } from '@rekey/local-servers/account'
import type { Rekey } from '@rekey/test-support/rekey'
import pg from 'pg'

// Keeps the owner: Postgres may run as another user. Files that disappear meanwhile are not part of the copy.
const copy = (from: string, to: string) => {
  try {
    execFileSync('cp', ['-a', from, to], { stdio: 'ignore' })
  } catch (error) {
    if ((error as { status?: number }).status !== 1) throw error
  }
}

/** A store that is copied while it is used, and comes back with the copy. */
export interface Store {
  name: 'Postgres' | 'NATS' | 'Redis'
  copy(): Promise<void>
  /** Kills it, puts the copy in its place and starts it. */
  restore(): Promise<void>
}

/** As a snapshot of the disk: the server stands still for the moment. */
const snapshot = (name: 'NATS' | 'Redis', server: Rekey['nats'], dir: string): Store => ({
  name,
  async copy() {
    server.pause()
    try {
      copy(dir, `${dir}-copy`)
    } finally {
      server.resume()
    }
  },
  async restore() {
    await server.kill()
    rmSync(dir, { recursive: true, force: true })
    copy(`${dir}-copy`, dir)
    await server.restart()
  },
})

/**
 * A session epoch follows the clock in seconds: a database that is back within the second of its last commit could give
 * it again. No restore of a backup is that fast, but this one is.
 */
const downMs = 1_100

/** A base backup by the low-level API (Postgres manual, 25.3.4). */
const baseBackup = ({ dataDir, postgres }: Rekey): Store => {
  const { server, url } = postgres
  if (!server) throw new Error('Postgres is shared')
  const dir = join(dataDir, 'postgres')
  return {
    name: 'Postgres',
    async copy() {
      const client = new pg.Client(url)
      await client.connect()
      await client.query(`SELECT pg_backup_start('copy', true)`)
      copy(dir, `${dir}-copy`)
      const { rows } = await client.query<{ label: string }>('SELECT labelfile AS label FROM pg_backup_stop(false)')
      const cluster = join(`${dir}-copy`, 'cluster')
      copy(`${join(dir, 'cluster/pg_wal')}/.`, join(cluster, 'pg_wal'))
      rmSync(join(cluster, 'postmaster.pid'), { force: true })
      writeFileSync(join(cluster, 'backup_label'), rows[0]?.label ?? '')
      const account = postgresAccount()
      if (account) chownSync(join(cluster, 'backup_label'), account.uid, account.gid)
      await client.end()
    },
    async restore() {
      await server.stop()
      await delay(downMs)
      rmSync(dir, { recursive: true, force: true })
      copy(`${dir}-copy`, dir)
      await server.restart()
    },
  }
}

export const storesOf = (rekey: Rekey): Store[] => [
  baseBackup(rekey),
  snapshot('NATS', rekey.nats, join(rekey.dataDir, 'nats')),
  snapshot('Redis', rekey.redis, join(rekey.dataDir, 'redis')),
]
