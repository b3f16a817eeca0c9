import { mostListedSessions, unavailable } from '@rekey/contracts'
import { loadScript, type Redis } from '@rekey/platform/redis'

/** Identifies one session of one subject. */
export interface SessionName {
  /** Token subject: the customer's code, a challenge, or the client. */
  subject: string
  sessionId: string
}

/** The sealed listing of a session that begins. */
interface NewListing {
  sealed: string
  /** ms: after it no token of the session is valid. */
  listedUntil: number
}

/** A session of the list, as Redis has it. */
export interface StoredListing {
  sessionId: string
  /** False: ended by itself. */
  isActive: boolean
  sealed: string | undefined
}

/** A submitted refresh token: what Redis stores of it, and what it says of its session. */
interface TokenDigest extends SessionName {
  generation: number
  digest: string
  epoch: number
  endsAt: number
}

export type Rotation = 'rotated' | 'reused' | 'ended' | 'missing' | 'scope'

const script = (name: string) => new URL(`./${name}.lua`, import.meta.url)

// One hash tag for all keys of a subject: one script uses several of them, also on a cluster. Encoded, because a
// customer's code may contain braces and colons; made well-formed first, because encoding half a surrogate pair throws,
// and an event about such a customer would fail at each retry.
const tagOf = (subject: string) => `rekey:{${encodeURIComponent(subject.toWellFormed())}}`
const epochOf = (subject: string) => `${tagOf(subject)}:epoch`
const sessionOf = ({ subject, sessionId }: SessionName) => `${tagOf(subject)}:session:${sessionId}`
const listOf = (subject: string) => `${tagOf(subject)}:sessions`
const keysOf = (name: SessionName) => [sessionOf(name), epochOf(name.subject)]

const readEpoch = (text: string): number => (/^\d+$/.test(text) ? Number(text) : Number.POSITIVE_INFINITY)

/** Sessions in Redis: each method that writes is one script, and so one atomic step. Times in ms. @throws RekeyError unavailable */
export const createSessionStore = (redis: Redis) => {
  const beginScript = loadScript(redis, script('begin'))
  const rotateScript = loadScript(redis, script('rotate'))
  const undoRotateScript = loadScript(redis, script('undo-rotate'))
  const checkRefreshTokenScript = loadScript(redis, script('check-refresh-token'))
  const endScript = loadScript(redis, script('end'))
  const checkEndedScript = loadScript(redis, script('check-ended'))
  const endAllScript = loadScript(redis, script('end-all'))
  return {
    /** @returns undefined, or the customer's epoch if it is higher than the session's, which then does not begin */
    async begin(
      name: SessionName,
      session: { epoch: number; scope: string; digest: string } & NewListing,
      now: number,
      endsAt: number,
    ): Promise<number | undefined> {
      const { epoch, scope, digest, sealed, listedUntil } = session
      const answer = await beginScript(
        [...keysOf(name), listOf(name.subject)],
        [epoch, scope, digest, endsAt, endsAt - now, name.sessionId, sealed, listedUntil, now, mostListedSessions],
      )
      return answer === 'ok' ? undefined : Number(answer)
    },

    /** Deletes a session whose tokens were not delivered. */
    async discard(name: SessionName): Promise<void> {
      await redis.del(sessionOf(name)).catch(() => {})
    },

    async rotate(
      token: TokenDigest,
      nextDigest: string,
      isScopeAllowed: boolean,
      sealed: string,
      now: number,
    ): Promise<Rotation> {
      const { sessionId, generation, digest, epoch, endsAt } = token
      const scope = isScopeAllowed ? 1 : 0
      const args = [now, sessionId, generation, digest, nextDigest, epoch, endsAt, scope, sealed, mostListedSessions]
      return (await rotateScript([...keysOf(token), listOf(token.subject)], args).catch((error) => {
        // A Redis that stalls may still run the script after the time-out. The undo follows on the same connection, so
        // that a client that repeats the request is not treated as a thief.
        undoRotateScript([sessionOf(token)], [generation, digest, nextDigest]).catch(() => {})
        throw error
      })) as Rotation
    },

    /** True if the token is valid. */
    async checkRefreshToken(token: TokenDigest, now: number): Promise<boolean> {
      const { sessionId, generation, digest, epoch, endsAt } = token
      const args = [now, sessionId, generation, digest, epoch, endsAt]
      return (await checkRefreshTokenScript(keysOf(token), args)) === 1
    },

    /** The facts of a session whose refresh token does not contain them; undefined if there is no session. */
    async readFacts(name: SessionName): Promise<{ scope: string; epoch: number; endsAt: number } | undefined> {
      try {
        const [scope, epoch, endsAt] = await redis.hmget(sessionOf(name), 'scope', 'epoch', 'endsAt')
        const facts = { scope: scope ?? '', epoch: Number(epoch), endsAt: Number(endsAt) }
        return scope && Number.isSafeInteger(facts.epoch) && Number.isSafeInteger(facts.endsAt) ? facts : undefined
      } catch (cause) {
        throw unavailable(cause)
      }
    },

    /** `until`: end of the revoked token, whose session may have no record. */
    async end(name: SessionName, now: number, until?: number) {
      const keys = [sessionOf(name), listOf(name.subject)]
      return (await endScript(keys, [now, until ?? '', name.sessionId])) as 'ended' | 'missing'
    },

    async isEnded(name: SessionName, epoch: number | undefined): Promise<boolean> {
      return (await checkEndedScript(keysOf(name), [name.sessionId, epoch ?? ''])) === 1
    },

    /** The listed sessions of a subject, the one that ends last first, and what ended all of them. */
    async list(subject: string, now: number): Promise<{ listed: StoredListing[]; epoch: number; kept: string }> {
      try {
        const ids = await redis.zrange(
          listOf(subject),
          '+inf',
          String(now),
          'BYSCORE',
          'REV',
          'LIMIT',
          0,
          mostListedSessions,
        )
        const [[epoch, kept], ...records] = await Promise.all([
          redis.hmget(epochOf(subject), 'epoch', 'kept'),
          ...ids.map((sessionId) => redis.hmget(sessionOf({ subject, sessionId }), 'state', 'listing')),
        ])
        const listed = records.map(([state, sealed], index) => ({
          sessionId: ids[index] ?? '',
          isActive: state === 'active',
          sealed: sealed ?? undefined,
        }))
        // As the scripts: an epoch that is no number ends every session.
        return { listed, epoch: epoch ? readEpoch(epoch) : 0, kept: kept ?? '' }
      } catch (cause) {
        throw unavailable(cause)
      }
    },

    /** The sealed listing of one session, whether or not it has ended; undefined if the subject has no such session. */
    async findListing(name: SessionName): Promise<string | undefined> {
      try {
        return (await redis.hget(sessionOf(name), 'listing')) ?? undefined
      } catch (cause) {
        throw unavailable(cause)
      }
    },

    async endAll(subject: string, epoch: number, kept: string | undefined, lifeMs: number): Promise<void> {
      await endAllScript([epochOf(subject)], [epoch, kept ?? '', lifeMs])
    },
  }
}

export type SessionStore = ReturnType<typeof createSessionStore>
