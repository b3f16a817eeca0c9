import { setTimeout as delay } from 'node:timers/promises'
import { RekeyError, scopes, unavailable } from '@rekey/contracts'
import type { TokenClaims } from '@rekey/platform/auth'
import type { Now } from '@rekey/platform/clock'
import type { Keys } from '@rekey/platform/keys'
import { hashForLog, type Logger } from '@rekey/platform/logger'
import type { Random } from '@rekey/platform/random'
import { seal, unseal } from '@rekey/platform/seal'
import { type IdentityProviderClient, type ProviderTokens, SignInRefused } from './identity-provider-client.ts'
import { type StaffSessionStore, sessionKeyOf } from './staff-sessions.store.ts'

/** The longest life of a session, however often it is used. */
export const longestMs = 8 * 3_600_000
/** A token that ends within this time is refreshed first, so that it does not end during the request. */
const refreshMarginMs = 30_000
const pollMs = 100
const longestPollMs = 5_000

/** The person who is signed in to the console, with the access token that the API gets. */
export interface StaffSession {
  /** Token subject. */
  subject: string
  name: string
  /** Finds what the session's forms led to: another session of the same browser does not. */
  secret: string
  accessToken: string
  refreshToken: string | undefined
  /** End of the access token, in ms since the epoch. */
  tokenEndsAt: number
  /** End of the session, in ms since the epoch. */
  endsAt: number
}

/** The provider signed the person in, and its token does not give REST:FULL. */
export class NotStaff extends Error {}

interface Deps {
  store: StaffSessionStore
  keys: Keys
  provider: Pick<IdentityProviderClient, 'refresh' | 'revoke'>
  issuer: string
  /** Claims of a valid bearer token. @throws RekeyError unavailable */
  readBearer(token: string): Promise<TokenClaims | undefined>
  now: Now
  random: Random
  log: Logger
}

/**
 * Sessions of the console. The cookie is 256 random bits; Redis has its digest and a record that only the gateway can read
 * or write (S40). A session ends after 15 minutes without use, after eight hours, at the sign-out, and when the identity
 * provider refuses to refresh its tokens.
 */
export const createStaffSessions = ({ store, keys, provider, issuer, readBearer, now, random, log }: Deps) => {
  /** @throws NotStaff unless the token is the identity provider's, for staff, with REST:FULL */
  const staffClaims = async (accessToken: string): Promise<TokenClaims> => {
    const claims = await readBearer(accessToken)
    const isStaff = claims?.iss === issuer && claims.scope.split(' ').includes(scopes.backOffice)
    if (!claims || !isStaff || claims.sub === claims.client_id) throw new NotStaff('the token gives no REST:FULL')
    return claims
  }

  const open = async (key: string, sealed: string): Promise<StaffSession | undefined> => {
    try {
      return await unseal<StaffSession>(keys, key, sealed)
    } catch {
      log.event('stored_record_tampered', { kind: 'staff session', record: hashForLog(key) })
      return undefined
    }
  }

  const refresh = async (key: string, sealed: string, session: StaffSession): Promise<StaffSession | undefined> => {
    if (session.refreshToken === undefined) return session.tokenEndsAt > now().getTime() ? session : undefined
    try {
      const tokens = await provider.refresh(session.refreshToken)
      const claims = await staffClaims(tokens.accessToken)
      if (claims.sub !== session.subject) throw new NotStaff('the new token is of another person')
      const refreshed = { ...session, ...tokens, tokenEndsAt: claims.exp * 1_000 }
      return (await store.replace(key, sealed, seal(keys, key, refreshed))) ? refreshed : undefined
    } catch (error) {
      if (error instanceof SignInRefused || error instanceof NotStaff) return undefined
      if (error instanceof RekeyError && session.tokenEndsAt > now().getTime()) return session
      throw error
    }
  }

  /** The session after another request has refreshed its tokens. */
  const waitForRefresh = async (key: string, sealed: string): Promise<StaffSession | undefined> => {
    for (let waited = 0; waited < longestPollMs; waited += pollMs) {
      await delay(pollMs)
      const current = await store.use(key, now().getTime())
      if (current !== sealed) return current === undefined ? undefined : open(key, current)
    }
    throw unavailable(new Error('another request is still refreshing the tokens of this session'))
  }

  const end = async (key: string, session: StaffSession | undefined): Promise<void> => {
    await store.end(key)
    if (session?.refreshToken !== undefined) await provider.revoke(session.refreshToken)
  }

  return {
    /** Begins a session. @returns the value of its cookie @throws NotStaff, RekeyError unavailable */
    async begin({
      accessToken,
      refreshToken,
      name,
    }: ProviderTokens): Promise<{ cookie: string; session: StaffSession }> {
      const claims = await staffClaims(accessToken)
      const at = now().getTime()
      const cookie = random.bytes(32).toString('base64url')
      const session = {
        subject: claims.sub,
        name: name ?? claims.sub,
        secret: random.bytes(32).toString('base64url'),
        accessToken,
        refreshToken,
        tokenEndsAt: claims.exp * 1_000,
        endsAt: at + longestMs,
      }
      const key = sessionKeyOf(cookie)
      await store.begin(key, seal(keys, key, session), at)
      return { cookie, session }
    },

    /** The session of a cookie, with a token that is good for a request; undefined if it has ended. @throws RekeyError unavailable */
    async find(cookie: string): Promise<StaffSession | undefined> {
      const key = sessionKeyOf(cookie)
      const at = now().getTime()
      const sealed = await store.use(key, at)
      const session = sealed === undefined ? undefined : await open(key, sealed)
      if (sealed === undefined || !session) return undefined
      if (session.endsAt <= at) return void (await end(key, session))
      if (session.tokenEndsAt - at > refreshMarginMs) return session
      if (!(await store.claimRefresh(key))) return waitForRefresh(key, sealed)
      try {
        // Another request may have refreshed them since this one read: a refresh token must not be used twice.
        const current = await store.use(key, at)
        if (current !== sealed) return current === undefined ? undefined : await open(key, current)
        const refreshed = await refresh(key, sealed, session)
        if (!refreshed) await store.end(key)
        return refreshed
      } finally {
        await store.releaseRefresh(key)
      }
    },

    /** Ends the session of a cookie. @returns the person, if it had not ended yet @throws RekeyError unavailable */
    async end(cookie: string): Promise<string | undefined> {
      const key = sessionKeyOf(cookie)
      const sealed = await store.use(key, now().getTime())
      const session = sealed === undefined ? undefined : await open(key, sealed)
      await end(key, session)
      return session?.subject
    },
  }
}

export type StaffSessions = ReturnType<typeof createStaffSessions>
