import { accessTokenSeconds, audiences, grantSeconds, type SigningAlgorithm, scopes } from '@rekey/contracts'
import type { TokenClaims } from '@rekey/platform/auth'
import type { Now } from '@rekey/platform/clock'
import type { Random } from '@rekey/platform/random'
import type { SigningKeys } from './signing-keys.ts'

interface Deps {
  keys: Pick<SigningKeys, 'sign'>
  /** Algorithm that the client's registry entry names; undefined for the default. */
  algorithmOf(clientId: string): SigningAlgorithm | undefined
  issuer: string
  now: Now
  random: Random
}

/** Subject, client and rights of a token. */
export interface TokenSubject {
  /** The customer's code; the challenge id in a restore, where the customer is not known; or the client itself. */
  subject: string
  clientId: string
  scope: string
  challengeId?: string
  /** An existing session, or an id chosen before; without one the token gets a session id of its own. */
  sessionId?: string
  /** Only in customers' tokens: the epoch of the sign-in. */
  sessionEpoch?: number
  /** End of the session: no token of it lives longer. */
  endsAt?: Date
}

export interface IssuedToken {
  token: string
  expiresInSeconds: number
  expiresAt: Date
}

const grantOf: Record<string, TokenClaims['purpose']> = { [scopes.restore]: 'restore', [scopes.change]: 'change' }

/** Issues access tokens and success tokens (RFC 9068). */
export const createTokenIssuer = ({ keys, algorithmOf, issuer, now, random }: Deps) => {
  const issue = (given: TokenSubject, use: 'access' | 'sign'): IssuedToken => {
    const { subject, clientId, scope, challengeId, sessionId = random.id(), sessionEpoch, endsAt } = given
    // A token with a password scope alone is a grant: short-lived, and spent by one change or restore.
    const purpose = challengeId === undefined ? undefined : grantOf[scope]
    const aud = [...(use === 'access' ? [audiences.api] : []), ...(purpose ? [audiences.grant] : [])]
    const issuedAt = Math.floor(now().getTime() / 1_000)
    const sessionSeconds = endsAt ? Math.floor(endsAt.getTime() / 1_000) - issuedAt : Number.POSITIVE_INFINITY
    const expiresInSeconds = Math.min(purpose ? grantSeconds : accessTokenSeconds, sessionSeconds)
    const claims: TokenClaims = {
      iss: issuer,
      aud,
      sub: subject,
      jti: random.id(),
      iat: issuedAt,
      exp: issuedAt + expiresInSeconds,
      client_id: clientId,
      scope,
      sid: sessionId,
      ...(sessionEpoch !== undefined && { session_epoch: sessionEpoch }),
      ...(purpose && challengeId && { purpose, challenge_id: challengeId }),
    }
    return {
      token: keys.sign(claims, algorithmOf(clientId)),
      expiresInSeconds,
      expiresAt: new Date((issuedAt + expiresInSeconds) * 1_000),
    }
  }

  return {
    /** An access token: its scope opens routes. With a password scope alone it is a grant as well. */
    issueAccessToken: (subject: TokenSubject): IssuedToken => issue(subject, 'access'),

    /** A success token (`sign_token`): a grant that opens no route. */
    issueSuccessToken: (subject: TokenSubject): IssuedToken => issue(subject, 'sign'),
  }
}
