import { audiences, RekeyError } from '@rekey/contracts'
import type { TokenClaims } from '@rekey/platform/auth'
import type { Now } from '@rekey/platform/clock'
import type { Random } from '@rekey/platform/random'
import type { FastifyRequest } from 'fastify'
import { cookiesOf } from '../layout/cookies.ts'
import type { Layout } from '../layout/layout.ts'
import type { PageStates, Stored } from '../layout/page-state.ts'
import type { Sessions } from '../sessions/sessions.ts'
import type { ChangeState } from './password-change.state.ts'
import type { SecurityState } from './security.state.ts'

/** What the pages know of a signed-in customer. Kept encrypted in Redis, under the secret of the cookie. */
export interface AccountState {
  /** As the customer entered it. */
  username: string
  accessToken: string
  /** ms since 1970. No page is served after it (ASVS 7.3.2). */
  endsAt: number
  /** True: the token permits a new password alone. */
  mustChange: boolean
  /** IANA name. */
  timezone: string
  change?: ChangeState | undefined
  security?: SecurityState | undefined
  /** What the last press on the page of sessions led to. */
  notice?: 'ended' | 'othersEnded' | undefined
  /** ms: sessions that began before it have ended, even if the event has not arrived yet. */
  othersEndedAt?: number | undefined
}

/** A signed-in customer in this browser. */
export interface Account extends Stored<AccountState> {
  claims: TokenClaims
  reference: { id: string; secret: string }
}

interface Deps {
  jar: Layout['jar']
  states: PageStates<AccountState>
  sessions: Pick<Sessions, 'isEnded' | 'end'>
  verifyToken(audience: string, token: string): Promise<TokenClaims | undefined>
  random: Pick<Random, 'bytes'>
  now: Now
}

const cookieName = 'account'
const secretPattern = /^[\w-]{43}$/
const id = 'account'

/** Longest life of a sign-in on the account pages, in ms (ASVS 7.3.2). No longer than an access token. */
export const accountLifeMs = 3_600_000
/** Life of a sign-in on the account pages that is not used, in ms (ASVS 7.3.1). */
export const accountIdleMs = 15 * 60_000

/** True if the customer has set the password that had to be changed: the session is over, its last page is not. */
const isFinished = ({ mustChange, change }: AccountState): boolean => mustChange && change?.step === 'done'

/** The signed-in customers of the account pages: an opaque secret in a cookie finds an encrypted record. */
export const createAccountSessions = ({ jar, states, sessions, verifyToken, random, now }: Deps) => {
  const secretOf = (request: FastifyRequest): string | undefined => {
    const sent = cookiesOf(request)[jar.nameOf(cookieName)]
    return sent !== undefined && secretPattern.test(sent) ? sent : undefined
  }

  return {
    /** A new secret at each sign-in (ASVS 7.2.4): one that was planted before opens nothing. */
    async begin(state: AccountState): Promise<string> {
      const secret = random.bytes(32).toString('base64url')
      await states.begin({ id, secret }, state)
      return secret
    },

    cookieOf: (secret: string): string => jar.write(cookieName, secret, accountLifeMs / 1_000),
    endedCookie: (): string => jar.write(cookieName, '', 0),

    /** The customer who is signed in here; undefined if nobody is, or not any more. @throws RekeyError unavailable */
    async open(request: FastifyRequest): Promise<Account | undefined> {
      const secret = secretOf(request)
      const reference = { id, secret: secret ?? '' }
      const stored = secret === undefined ? undefined : await states.read(reference)
      if (!stored || stored.state.endsAt <= now().getTime()) return undefined
      const claims = await verifyToken(audiences.api, stored.state.accessToken)
      if (!claims || (!isFinished(stored.state) && (await sessions.isEnded(claims)))) return undefined
      await states.keepAlive(reference)
      return { ...stored, claims, reference }
    },

    /** True if the browser has the cookie of a customer. */
    wasOpen: (request: FastifyRequest): boolean => secretOf(request) !== undefined,

    /** Takes a step once a press. @throws RekeyError invalid_token (signed out meanwhile), and what `work` throws */
    async take(
      { reference }: Account,
      press: { turn: string; action: string; input?: string },
      work: (state: AccountState) => Promise<AccountState>,
    ): Promise<AccountState> {
      const stored = await states.once(reference, press, async (state) => {
        if (!state) throw new RekeyError('invalid_token')
        return work(state)
      })
      if (!stored) throw new RekeyError('invalid_token')
      return stored.state
    },

    /** Ends the session of a customer, as by a revocation of the token. @throws RekeyError unavailable */
    endSession: ({ sub, sid, client_id }: TokenClaims): Promise<void> =>
      sessions.end({ subject: sub, sessionId: sid, clientId: client_id, reason: 'revoked', by: 'customer' }),

    async signOut(account: Account): Promise<void> {
      const { sub, sid, client_id } = account.claims
      await sessions.end({ subject: sub, sessionId: sid, clientId: client_id, reason: 'revoked', by: 'customer' })
      await states.drop(account.reference)
    },
  }
}

export type AccountSessions = ReturnType<typeof createAccountSessions>
