import { createHash } from 'node:crypto'
import { unavailable } from '@rekey/contracts'
import { loadScript, type Redis } from '@rekey/platform/redis'

/** A session ends when it was not used for this long (PCI DSS 8.2.8; ASVS 7.3.1). */
export const idleMs = 15 * 60_000
/** A request that refreshes tokens takes less. */
const refreshMs = 10_000

const script = (name: string) => new URL(`./${name}.lua`, import.meta.url)

/** The Redis key of a session: Redis does not get the cookie's value. */
export const sessionKeyOf = (cookie: string): string =>
  `rekey:{console:${createHash('sha256').update(cookie).digest('base64url')}}:session`

/** Sealed sessions of the console in Redis. Times in ms. @throws RekeyError unavailable */
export const createStaffSessionStore = (redis: Redis) => {
  const useScript = loadScript(redis, script('use-session'))
  const beginScript = loadScript(redis, script('begin-session'))
  const replaceScript = loadScript(redis, script('replace-session'))
  const lockOf = (key: string) => key.replace(/session$/, 'refresh')
  const run = async <T>(command: Promise<T>): Promise<T> => {
    try {
      return await command
    } catch (cause) {
      throw unavailable(cause)
    }
  }
  return {
    async begin(key: string, sealed: string, now: number): Promise<void> {
      await beginScript([key], [sealed, now, idleMs])
    },

    /** The sealed record of a session, whose idle time begins again; undefined if it has ended. */
    use: async (key: string, now: number): Promise<string | undefined> =>
      ((await useScript([key], [now, idleMs])) as string | null) ?? undefined,

    /** Replaces the record if it is still the one that was read. */
    replace: async (key: string, read: string, sealed: string): Promise<boolean> =>
      (await replaceScript([key], [read, sealed])) === 1,

    end: async (key: string): Promise<void> => void (await run(redis.del(key))),

    /** Lets one request at a time refresh the tokens of a session: a refresh token may be usable once. */
    claimRefresh: async (key: string): Promise<boolean> =>
      (await run(redis.set(lockOf(key), '1', 'PX', refreshMs, 'NX'))) === 'OK',

    releaseRefresh: async (key: string): Promise<void> => void (await redis.del(lockOf(key)).catch(() => {})),
  }
}

export type StaffSessionStore = ReturnType<typeof createStaffSessionStore>
