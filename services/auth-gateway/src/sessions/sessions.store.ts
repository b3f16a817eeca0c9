import { loadScript, type Redis } from '@rekey/platform/redis'

/** Names one session of one subject. */
export interface SessionName {
  /** Token subject: the customer's code, a challenge, or the client. */
  subject: string
  sessionId: string
}

/** The refresh token that is shown, as far as Redis knows it. */
interface Shown extends SessionName {
  generation: number
  digest: string
}

export type Rotation =
  | { result: 'rotated'; scope: string; epoch: number; endsAt: number }
  | { result: 'reused' | 'ended' | 'missing' | 'scope' }

const script = (name: string) => new URL(`./${name}.lua`, import.meta.url)

// One hash tag for all of a subject's keys, so that one script can use them in a cluster. Encoded, since a customer's
// code may hold braces and colons. Half a surrogate pair cannot be: an event that names such a customer would fail at
// each try.
const tagOf = (subject: string) => `rekey:{${encodeURIComponent(subject.toWellFormed())}}`
const epochOf = (subject: string) => `${tagOf(subject)}:epoch`
const sessionOf = ({ subject, sessionId }: SessionName) => `${tagOf(subject)}:session:${sessionId}`
const keysOf = (name: SessionName) => [sessionOf(name), epochOf(name.subject)]

/** Sessions in Redis: each method is one script, and so one atomic step. Times in ms. @throws RekeyError unavailable */
export const createSessionStore = (redis: Redis) => {
  const beginScript = loadScript(redis, script('begin'))
  const rotateScript = loadScript(redis, script('rotate'))
  const unrotateScript = loadScript(redis, script('unrotate'))
  const lookScript = loadScript(redis, script('look'))
  const endScript = loadScript(redis, script('end'))
  const isOverScript = loadScript(redis, script('is-over'))
  const endAllScript = loadScript(redis, script('end-all'))
  return {
    async begin(
      name: SessionName,
      session: { epoch: number; scope: string; digest: string },
      now: number,
      endsAt: number,
    ) {
      const { epoch, scope, digest } = session
      return (await beginScript(keysOf(name), [epoch, scope, digest, endsAt, endsAt - now])) as 'ok' | 'ended'
    },

    /** Takes a session back that nobody was told of. */
    async discard(name: SessionName): Promise<void> {
      await redis.del(sessionOf(name)).catch(() => {})
    },

    async rotate(shown: Shown, nextDigest: string, scope: string, allowed: readonly string[], now: number) {
      const { sessionId, generation, digest } = shown
      const asked = [now, sessionId, generation, digest, nextDigest, scope, allowed.join(' ')]
      const answer = await rotateScript(keysOf(shown), asked).catch((error) => {
        // A Redis that only stalls will still trade it, for one that nobody gets. This comes right behind, on the same
        // connection, so that the caller who tries again is not taken for a thief.
        unrotateScript([sessionOf(shown)], [generation, digest, nextDigest]).catch(() => {})
        throw error
      })
      const [result, given = '', epoch, endsAt] = answer as [Rotation['result'], string?, string?, string?]
      const rotation: Rotation =
        result === 'rotated' ? { result, scope: given, epoch: Number(epoch), endsAt: Number(endsAt) } : { result }
      return rotation
    },

    async look(shown: Shown, now: number): Promise<{ scope: string; endsAt: number } | undefined> {
      const { sessionId, generation, digest } = shown
      const [scope, endsAt] = (await lookScript(keysOf(shown), [now, sessionId, generation, digest])) as string[]
      return scope === undefined ? undefined : { scope, endsAt: Number(endsAt) }
    },

    /** `until`: end of a token of a session that may have no record. */
    async end(name: SessionName, now: number, until?: number) {
      return (await endScript([sessionOf(name)], [now, until ?? ''])) as 'ended' | 'missing'
    },

    async isOver(name: SessionName, epoch: number | undefined): Promise<boolean> {
      return (await isOverScript(keysOf(name), [name.sessionId, epoch ?? ''])) === 1
    },

    async endAll(subject: string, epoch: number, kept: string | undefined, lifeMs: number): Promise<void> {
      await endAllScript([epochOf(subject)], [epoch, kept ?? '', lifeMs])
    },
  }
}

export type SessionStore = ReturnType<typeof createSessionStore>
