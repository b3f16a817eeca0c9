import { accessTokenSeconds, audiences, formatClaimTime, type Purpose, RekeyError, scopes } from '@rekey/contracts'
import type { TokenClaims } from '@rekey/platform/auth'
import type { Now } from '@rekey/platform/clock'
import type { Random } from '@rekey/platform/random'
import type { MfaToken, OpenChallenge } from '../challenges/challenges.service.ts'
import type { Jwts } from './jwt.ts'

interface Deps {
  jwt: Jwts
  issuer: string
  now: Now
  random: Random
}

/** Who a token is for, through which client, and what it may do. */
export interface Subject {
  /** The customer's code; in a restore, where it is not known, the challenge id; else the client itself. */
  subject: string
  clientId: string
  scope: string
  challengeId?: string
  /** One that goes on, or is known before its token is made; else the token gets one of its own. */
  sessionId?: string
  /** Of a customer: the epoch of the sign-in. */
  sessionEpoch?: number
  /** End of the session, which no token of it outlives. */
  endsAt?: Date
}

export interface IssuedToken {
  token: string
  expiresInSeconds: number
  expiresAt: Date
}

/** What is read of an `mfa_token`, whose signature is ours. */
interface MfaClaims {
  sub: string
  sid: string
  client_id: string
}

/** What an `mfa_token`'s `sid` says: what its challenge is for, and the account that it is kept under. */
const sidPattern = /^(restore|change|login)\.([\w-]{43})$/

/** A grant lives as long as a code does. */
const grantSeconds = 600

const grantOf: Record<string, TokenClaims['purpose']> = { [scopes.restore]: 'restore', [scopes.change]: 'change' }

/** Makes and reads the gateway's tokens (RFC 9068 for all but `mfa_token`). */
export const createTokens = ({ jwt, issuer, now, random }: Deps) => {
  const issue = (given: Subject, use: 'access' | 'sign'): IssuedToken => {
    const { subject, clientId, scope, challengeId, sessionId = random.id(), sessionEpoch, endsAt } = given
    // A token with a password scope alone is a grant: short, and spent by the one change or restore it is for.
    const purpose = challengeId === undefined ? undefined : grantOf[scope]
    const aud = [...(use === 'access' ? [audiences.api] : []), ...(purpose ? [audiences.grant] : [])]
    const issuedAt = Math.floor(now().getTime() / 1_000)
    const left = endsAt ? Math.floor(endsAt.getTime() / 1_000) - issuedAt : Number.POSITIVE_INFINITY
    const expiresInSeconds = Math.min(purpose ? grantSeconds : accessTokenSeconds, left)
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
      token: jwt.access.sign(claims),
      expiresInSeconds,
      expiresAt: new Date((issuedAt + expiresInSeconds) * 1_000),
    }
  }

  return {
    /** An access token: opens routes by its scope. With a password scope alone it is a grant too. */
    access: (subject: Subject): IssuedToken => issue(subject, 'access'),

    /** A grant and nothing else. */
    sign: (subject: Subject): IssuedToken => issue(subject, 'sign'),

    /**
     * The published contract's `mfa_token`: names the challenge, and says nothing that its holder did not know. Its
     * subject is the challenge, never the customer. `sid` says what for and under which key the challenge is kept: an
     * HMAC of the username that its holder typed.
     */
    mfa({ challengeId, account, purpose, clientId, device, verificationCode, expiresAt }: OpenChallenge): string {
      const issuedAt = now()
      return jwt.mfa.sign({
        iss: issuer,
        sub: challengeId,
        act: { sub: challengeId },
        iat: Math.floor(issuedAt.getTime() / 1_000),
        exp: Math.floor(expiresAt.getTime() / 1_000),
        jti: random.id(),
        sid: `${purpose}.${account}`,
        amr: device,
        client_id: clientId,
        scope: `mfa_token:${verificationCode}`,
        token_type: 'bearer',
        expires: formatClaimTime(expiresAt),
        issued_at: formatClaimTime(issuedAt),
      })
    },

    /** The challenge that an `mfa_token` names. @throws RekeyError invalid_grant for any token that is not sound */
    readMfa(token: string): MfaToken {
      try {
        const claims = jwt.mfa.verify<MfaClaims>(token, { clockTimestamp: now().getTime() })
        const [, purpose, account] = sidPattern.exec(claims.sid) ?? []
        if (!account) throw new Error('of an older version')
        return { challengeId: claims.sub, account, purpose: purpose as Purpose, clientId: claims.client_id }
      } catch {
        throw new RekeyError('invalid_grant')
      }
    },
  }
}

export type Tokens = ReturnType<typeof createTokens>
