import { RekeyError, SessionRevoked, scopes } from '@rekey/contracts'
import type { TokenClaims } from '@rekey/platform/auth'
import type { Now } from '@rekey/platform/clock'
import type { Logger } from '@rekey/platform/logger'
import type { Publisher } from '@rekey/platform/publisher'
import type { Random } from '@rekey/platform/random'
import type { RefreshToken, RefreshTokens } from './refresh-tokens.ts'
import type { SessionName, SessionStore } from './sessions.store.ts'

interface Deps {
  store: SessionStore
  refreshTokens: RefreshTokens
  publisher: Publisher
  /** Life of a session, however often it is refreshed. */
  lifeMs: number
  now: Now
  random: Random
  log: Logger
}

/** A customer who proved password and code. */
export interface SignIn {
  customer: string
  clientId: string
  scope: string
  /** The customer's epoch when the password was compared. */
  epoch: number
}

/** What an access token is made from, and the refresh token beside it. */
export interface Session extends SessionName {
  clientId: string
  scope: string
  sessionEpoch: number
  /** No token of the session lives longer. */
  endsAt: Date
  refreshToken: string | undefined
}

type Reason = 'revoked' | 'refresh_token_reused' | 'code_replayed'

interface Ending extends SessionName {
  clientId: string
  reason: Reason
}

/** A sign-in may still be on its way, and an event late, when the last session of before is over. */
const epochMarginMs = 24 * 3_600_000

const refused = () =>
  new RekeyError('invalid_grant', { detail: 'The refresh token is invalid, expired, revoked or already used.' })

/** What a sign-in gives: it can be continued, and be ended (ASVS 7.4.1, 10.4.5, 10.4.8). */
export const createSessions = ({ store, refreshTokens, publisher, lifeMs, now, random, log }: Deps) => {
  /** One id whoever tells it, and how often: the broker keeps one. @throws RekeyError unavailable */
  const tell = ({ subject, sessionId, clientId, reason }: Ending) => {
    log.warn({ event: 'session_revoked', reason, clientId, sessionId })
    const data = { sessionId, subject, clientId, reason }
    return publisher.publish(SessionRevoked, { subject, data, id: `${sessionId}.revoked` })
  }

  const shown = ({ subject, sessionId, generation, secret }: RefreshToken) => ({
    subject,
    sessionId,
    generation,
    digest: refreshTokens.digest(secret),
  })

  return {
    /**
     * Begins a session. One with CUSTOMER:FULL can be refreshed; whoever must change a password first signs in anew.
     *
     * @throws RekeyError invalid_grant (all sessions were ended after the password was proven), unavailable
     */
    async begin({ customer, clientId, scope, epoch }: SignIn): Promise<Session> {
      const name = { subject: customer, sessionId: random.id() }
      const secret = refreshTokens.newSecret()
      const begun = now().getTime()
      const endsAt = begun + lifeMs
      const digest = refreshTokens.digest(secret)
      const result = await store.begin(name, { epoch, scope, digest }, begun, endsAt)
      if (result === 'ended') throw new RekeyError('invalid_grant')
      const refreshable = scope.split(' ').includes(scopes.full)
      const refreshToken = refreshable
        ? await refreshTokens.write({ ...name, clientId, generation: 1, secret })
        : undefined
      return { ...name, clientId, scope, sessionEpoch: epoch, endsAt: new Date(endsAt), refreshToken }
    },

    /** One refusal for whatever may be wrong with a refresh token. */
    refused,

    /** Takes a session back that nobody was given a token of. */
    discard: (session: Session): Promise<void> => store.discard(session),

    /** What a refresh token says of itself; undefined where it is none of ours. Whether it is good is not asked. */
    read: (refreshToken: string): Promise<RefreshToken | undefined> => refreshTokens.read(refreshToken),

    /**
     * Trades a refresh token for the next one (RFC 6749 §6). Strict: one that was traded before ends the session, also
     * where a client only repeats itself after a lost answer, since nothing tells the two apart (RFC 9700 §4.14.2).
     *
     * @param scope what the access token may do; '' for all that the session may
     * @param allowed what the client is registered for today
     * @throws RekeyError invalid_grant, invalid_scope (nothing is spent), unavailable
     */
    async refresh(token: RefreshToken, scope: string, allowed: readonly string[]): Promise<Session> {
      const { subject, sessionId, clientId, generation } = token
      const secret = refreshTokens.newSecret()
      const rotation = await store.rotate(shown(token), refreshTokens.digest(secret), scope, allowed, now().getTime())
      if (rotation.result === 'scope') throw new RekeyError('invalid_scope')
      if (rotation.result === 'reused') await tell({ subject, sessionId, clientId, reason: 'refresh_token_reused' })
      if (rotation.result !== 'rotated') throw refused()
      return {
        subject,
        sessionId,
        clientId,
        scope: rotation.scope,
        sessionEpoch: rotation.epoch,
        endsAt: new Date(rotation.endsAt),
        refreshToken: await refreshTokens.write({ ...token, generation: generation + 1, secret }),
      }
    },

    /** What a refresh token is good for, and until when; undefined where it is good for nothing. @throws RekeyError unavailable */
    look: (token: RefreshToken) => store.look(shown(token), now().getTime()),

    /**
     * Ends one session: here at once, elsewhere once the event is there. Nothing to do where it ended by its time.
     *
     * @param until end of the token that it is ended by, where the session may have no record of its own
     * @throws RekeyError unavailable; to be asked again, which tells it again
     */
    async end(ending: Ending, until?: Date): Promise<void> {
      if ((await store.end(ending, now().getTime(), until?.getTime())) === 'ended') await tell(ending)
    },

    /** Whether a sound token's session is over. @throws RekeyError unavailable */
    isEnded: ({ sub, sid, session_epoch }: TokenClaims): Promise<boolean> =>
      store.isOver({ subject: sub, sessionId: sid }, session_epoch),

    /** Ends all of a customer's sessions but the kept one (S21). Safe to run twice, and in any order. @throws RekeyError unavailable */
    endAll: (customer: string, epoch: number, kept?: string): Promise<void> =>
      store.endAll(customer, epoch, kept, lifeMs + epochMarginMs),
  }
}

export type Sessions = ReturnType<typeof createSessions>
