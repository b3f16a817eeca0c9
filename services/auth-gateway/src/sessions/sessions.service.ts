import { grantSeconds, type RaiseSessionEpochRequest, RekeyError, SessionRevoked, scopes } from '@rekey/contracts'
import type { TokenClaims } from '@rekey/platform/auth'
import type { Now } from '@rekey/platform/clock'
import type { Logger } from '@rekey/platform/logger'
import type { Publisher } from '@rekey/platform/publisher'
import type { Random } from '@rekey/platform/random'
import { beganBefore, sessionBeganAt } from '@rekey/platform/session-not-before'
import type { Listings } from './listings.ts'
import type { NotBefore } from './not-before.ts'
import type { RefreshToken, RefreshTokens, SessionFacts } from './refresh-tokens.ts'
import type { SessionName, SessionStore } from './sessions.store.ts'

interface Deps {
  store: SessionStore
  refreshTokens: RefreshTokens
  listings: Listings
  publisher: Publisher
  notBefore: Pick<NotBefore, 'current'>
  /** True if the password-service raised its epoch. @throws RekeyError unavailable */
  raiseEpoch(request: RaiseSessionEpochRequest): Promise<boolean>
  /** Resolves once Redis has every end of a session. @throws RekeyError unavailable */
  complete(): Promise<void>
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
  /** The customer's epoch when the password was verified. */
  epoch: number
  /** When the customer gave the older of the two proofs. */
  answeredAt: Date
  /** Authentication methods (RFC 8176). */
  amr: readonly string[]
  /** The client's address, for the list of sessions. */
  ip: string
  /** Life of the session, if it is shorter than that of all sessions (ms). */
  sessionMs?: number | undefined
}

/** Data of an access token, and the refresh token that goes with it. */
export interface Session extends SessionName {
  clientId: string
  scope: string
  sessionEpoch: number
  /** When the customer submitted the code of the sign-in; of a session of an earlier version: when it began. */
  answeredAt: Date
  /** Undefined of a session of an earlier version. */
  amr: readonly string[] | undefined
  /** No token of the session lives longer. */
  endsAt: Date
  refreshToken: string | undefined
}

type Reason = 'revoked' | 'refresh_token_reused' | 'code_replayed'

interface Revocation extends SessionName {
  clientId: string
  reason: Reason
  /** The customer ended it from the list of sessions. */
  by?: 'customer'
}

/** One error for every reason: the answer must not say what is wrong with a refresh token. */
export const refreshTokenRefused = () =>
  new RekeyError('invalid_grant', { detail: 'The refresh token is invalid, expired, revoked or already used.' })

/** Sessions of signed-in customers: refreshed, and revoked (ASVS 7.4.1, 10.4.5, 10.4.8). */
export const createSessionService = ({
  store,
  refreshTokens,
  listings,
  publisher,
  notBefore,
  raiseEpoch,
  complete,
  lifeMs,
  now,
  random,
  log,
}: Deps) => {
  /** The event id depends on the session alone, so the broker stores one event however often it is published. */
  const publishRevoked = ({ subject, sessionId, clientId, reason, by }: Revocation) => {
    log.event('session_revoked', { reason, by, clientId, sessionId })
    const data = { sessionId, subject, clientId, reason, ...(by && { by }) }
    return publisher.publish(SessionRevoked, { subject, data, id: `${sessionId}.revoked` })
  }

  const digestOf = ({ subject, sessionId, generation, secret }: RefreshToken, { epoch, endsAt }: SessionFacts) => ({
    subject,
    sessionId,
    generation,
    digest: refreshTokens.digest(secret),
    epoch,
    endsAt,
  })

  /**
   * The facts of a token's session; undefined if it has none. Those of a token of an earlier version are in Redis, where
   * they could be changed, so they are bounded; the next token contains them.
   */
  const factsOf = async (token: RefreshToken): Promise<SessionFacts | undefined> => {
    if (token.session) return token.session
    const stored = await store.readFacts(token)
    return stored && { ...stored, endsAt: Math.min(stored.endsAt, now().getTime() + lifeMs) }
  }

  /** A session of an earlier version has no such time: its end says when it began. */
  const answeredAtOf = ({ answeredAt, endsAt }: SessionFacts) => new Date(answeredAt ?? endsAt - lifeMs)

  /** True if a reset of all customers ended the session. */
  const isEndedForAll = (session: SessionFacts) =>
    beganBefore(answeredAtOf(session).getTime() / 1_000, notBefore.current())

  /**
   * True if all sessions ended after the password of a sign-in was verified. Otherwise Postgres has an older epoch than
   * Redis, as after it was restored from a copy: it is raised, so that the customer is not kept out.
   */
  const isOutdated = async (customer: string, verifiedEpoch: number, gatewayEpoch: number): Promise<boolean> => {
    // Not a number: the record was changed.
    if (!Number.isSafeInteger(gatewayEpoch)) return true
    const raised = await raiseEpoch({ customer, verifiedEpoch, gatewayEpoch })
    if (raised) log.event('session_epoch_raised', { customer, verifiedEpoch, gatewayEpoch })
    return !raised
  }

  return {
    /**
     * Begins a session. It gets a refresh token only with CUSTOMER:FULL: a customer who must change the password signs
     * in again afterwards.
     *
     * @throws RekeyError invalid_grant (all sessions were ended after the password was verified), unavailable
     */
    async begin({
      customer,
      clientId,
      scope,
      epoch,
      answeredAt,
      amr,
      ip,
      sessionMs = lifeMs,
    }: SignIn): Promise<Session> {
      await complete()
      const name = { subject: customer, sessionId: random.id() }
      const secret = refreshTokens.newSecret()
      const begun = now().getTime()
      const endsAt = begun + Math.min(lifeMs, sessionMs)
      const digest = refreshTokens.digest(secret)
      const refreshable = scope.split(' ').includes(scopes.full)
      const listedUntil = refreshable ? endsAt : begun + grantSeconds * 1_000
      const signedIn = { clientId, signedInAt: answeredAt.getTime(), lastUsedAt: begun, ip, lastsUntil: listedUntil }
      const begin = async (epoch: number) => {
        const sealed = listings.seal(name, { ...signedIn, epoch })
        return store.begin(name, { epoch, scope, digest, sealed, listedUntil }, begun, endsAt)
      }
      const higher = await begin(epoch)
      if (higher !== undefined && (await isOutdated(customer, epoch, higher))) throw new RekeyError('invalid_grant')
      const sessionEpoch = higher ?? epoch
      if (higher !== undefined && (await begin(higher)) !== undefined) throw new RekeyError('invalid_grant')
      const session = { scope, epoch: sessionEpoch, endsAt, answeredAt: answeredAt.getTime(), amr }
      const refreshToken = refreshable
        ? await refreshTokens.write({ ...name, clientId, generation: 1, session, secret })
        : undefined
      return { ...name, clientId, scope, sessionEpoch, answeredAt, amr, endsAt: new Date(endsAt), refreshToken }
    },

    /** Deletes a session whose tokens were not delivered. */
    discard: (session: Session): Promise<void> => store.discard(session),

    /** Content of a refresh token; undefined if it is none of ours. Does not check whether it is still valid. */
    read: (refreshToken: string): Promise<RefreshToken | undefined> => refreshTokens.read(refreshToken),

    /**
     * Trades a refresh token for the next one (RFC 6749 §6). A token that was traded before ends the session, even if a
     * client only repeats a request whose answer was lost: the two cannot be told apart (RFC 9700 §4.14.2).
     *
     * @param scope requested scope of the access token; '' for the session's
     * @param allowed scopes that the client is registered for now
     * @param ip the client's address, for the list of sessions
     * @throws RekeyError invalid_grant, invalid_scope (the token stays valid), unavailable
     */
    async refresh(token: RefreshToken, scope: string, allowed: readonly string[], ip: string): Promise<Session> {
      await complete()
      const { subject, sessionId, clientId, generation } = token
      const session = await factsOf(token)
      if (!session) throw refreshTokenRefused()
      const granted = scope || session.scope
      const ofSession = session.scope.split(' ')
      const isAllowed = granted.split(' ').every((item) => ofSession.includes(item) && allowed.includes(item))
      const secret = refreshTokens.newSecret()
      const nextDigest = refreshTokens.digest(secret)
      const at = now().getTime()
      const { epoch, endsAt: lastsUntil } = session
      const signedInAt = answeredAtOf(session).getTime()
      const sealed = listings.seal(token, { clientId, signedInAt, lastUsedAt: at, ip, epoch, lastsUntil })
      const rotation = await store.rotate(digestOf(token, session), nextDigest, isAllowed, sealed, at)
      if (rotation === 'scope') throw new RekeyError('invalid_scope')
      if (rotation === 'reused') {
        await publishRevoked({ subject, sessionId, clientId, reason: 'refresh_token_reused' })
      }
      if (rotation !== 'rotated' || isEndedForAll(session)) throw refreshTokenRefused()
      return {
        subject,
        sessionId,
        clientId,
        scope: granted,
        sessionEpoch: session.epoch,
        answeredAt: answeredAtOf(session),
        amr: session.amr,
        endsAt: new Date(session.endsAt),
        refreshToken: await refreshTokens.write({ ...token, session, generation: generation + 1, secret }),
      }
    },

    /** The facts of a valid refresh token's session; undefined if the token is not valid. @throws RekeyError unavailable */
    async checkRefreshToken(token: RefreshToken): Promise<SessionFacts | undefined> {
      await complete()
      const session = await factsOf(token)
      const isValid =
        session && !isEndedForAll(session) && (await store.checkRefreshToken(digestOf(token, session), now().getTime()))
      return isValid ? session : undefined
    },

    /**
     * Ends one session: here at once, at other services when the event arrives. Does nothing if the session has expired.
     *
     * @param until end of the revoked token, whose session may have no record
     * @throws RekeyError unavailable; a repeated call publishes the event again
     */
    async end(revocation: Revocation, until?: Date): Promise<void> {
      const result = await store.end(revocation, now().getTime(), until?.getTime())
      if (result === 'ended') await publishRevoked(revocation)
    },

    /** True if the session of a verified token has ended. @throws RekeyError unavailable */
    async isEnded(claims: TokenClaims): Promise<boolean> {
      const { sub, sid, session_epoch } = claims
      if (beganBefore(sessionBeganAt(claims), notBefore.current())) return true
      await complete()
      return store.isEnded({ subject: sub, sessionId: sid }, session_epoch)
    },
  }
}

export type SessionService = ReturnType<typeof createSessionService>
