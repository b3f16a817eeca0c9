import { randomUUID } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startNats } from '@rekey/local-servers/nats'
import { startRedis } from '@rekey/local-servers/redis'
import { startInbox } from './inbox.ts'
import { type DatabaseSettings, startTestPostgres } from './postgres.ts'
import { restartable } from './restartable.ts'

/** The part of a tap test that is used here. */
export interface Teardown {
  teardown(callback: () => unknown): void
  /** Fails the test with an error. */
  threw?(error: unknown): void
}

export interface Parts {
  redis?: boolean
  nats?: boolean
  /** A migrated database. `'private'` starts a server for it alone, which the test may stop and restart. */
  postgres?: boolean | 'private'
  /** Settings of the database that replace the server's. */
  databaseSettings?: DatabaseSettings | undefined
  inbox?: boolean
}

type Started<Wanted, Part> = Wanted extends true | 'private' ? Part : undefined

const startParts = {
  redis: (dir: string) => restartable((port) => startRedis({ dataDir: join(dir, 'redis'), port })),
  nats: (dir: string) => restartable((port) => startNats({ dataDir: join(dir, 'nats'), port })),
}

/**
 * Starts servers for one test or one test file, and removes them with their data when it ends. Parts that are not
 * wanted are undefined.
 */
export const startInfrastructure = async <const Wanted extends Parts>(t: Teardown, wanted: Wanted) => {
  const dir = mkdtempSync(join(tmpdir(), `rekey-test-${randomUUID().slice(0, 8)}-`))
  t.teardown(() => rmSync(dir, { recursive: true, force: true }))

  const stopLater = async <Part>(
    isWanted: unknown,
    start: () => Promise<Part>,
    stop: (part: Part) => Promise<unknown>,
  ): Promise<Part | undefined> => {
    if (!isWanted) return undefined
    const part = await start()
    t.teardown(() => stop(part))
    return part
  }

  const [redis, nats, postgres, inbox] = await Promise.all([
    stopLater(
      wanted.redis,
      () => startParts.redis(dir),
      (server) => server.stop(),
    ),
    stopLater(
      wanted.nats,
      () => startParts.nats(dir),
      (server) => server.stop(),
    ),
    stopLater(
      wanted.postgres,
      () => startTestPostgres(join(dir, 'postgres'), wanted.postgres === 'private', wanted.databaseSettings),
      (database) => database.stop(),
    ),
    stopLater(wanted.inbox, startInbox, (part) => part.close()),
  ])
  return { dataDir: dir, redis, nats, postgres, inbox } as {
    /** Folder of the data and logs of these servers. */
    dataDir: string
    redis: Started<Wanted['redis'], NonNullable<typeof redis>>
    nats: Started<Wanted['nats'], NonNullable<typeof nats>>
    postgres: Started<Wanted['postgres'], NonNullable<typeof postgres>>
    inbox: Started<Wanted['inbox'], NonNullable<typeof inbox>>
  }
}
