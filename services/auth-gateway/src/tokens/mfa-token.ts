import fastifyJwt, { type JWT } from '@fastify/jwt'
import { formatClaimTime, type Purpose, RekeyError } from '@rekey/contracts'
import type { Now } from '@rekey/platform/clock'
import type { Keys } from '@rekey/platform/keys'
import type { Random } from '@rekey/platform/random'
import type { Server } from '@rekey/platform/server'
import type { ChallengeReference, OpenChallenge } from '../challenges/challenge.ts'

interface Deps {
  issuer: string
  keys: Keys
  now: Now
  random: Random
}

/** The claims that are read of an `mfa_token`. */
interface MfaClaims {
  sub: string
  sid: string
  client_id: string
  auth_time?: number
  amr?: string
}

/** `sid` contains the challenge's purpose and the account key that Redis keeps it under. */
const sidPattern = /^(restore|change|login)\.([\w-]{43})$/

/** Registers a signer and verifier for one key. `place`: among the keys. */
const registerKey = async (
  app: Server,
  { issuer, secret, place }: { issuer: string; secret: Buffer; place: number },
) => {
  const namespace = `mfa${place}`
  await app.register(fastifyJwt, {
    namespace,
    secret,
    sign: { algorithm: 'HS256' },
    verify: {
      algorithms: ['HS256'],
      allowedIss: issuer,
      checkTyp: 'JWT',
      requiredClaims: ['iss', 'sub', 'exp', 'jti', 'client_id'],
    },
  })
  return (app.jwt as unknown as Record<string, JWT>)[namespace] as JWT
}

/**
 * The published contract's `mfa_token`, which names a challenge. Its HS256 keys sign nothing else (RFC 8725 §3.1). The
 * contract's header has no `kid`, so each key is tried.
 */
export const createMfaTokens = async (app: Server, { issuer, keys, now, random }: Deps) => {
  const jwts: JWT[] = []
  for (const [place, { key }] of keys.all.entries()) {
    jwts.push(await registerKey(app, { issuer, secret: key.export(), place }))
  }
  const [current] = jwts as [JWT]

  const verify = (token: string): MfaClaims => {
    let reason: unknown
    for (const jwt of jwts) {
      try {
        return jwt.verify<MfaClaims>(token, { clockTimestamp: now().getTime() })
      } catch (error) {
        reason = error
      }
    }
    throw reason
  }

  return {
    /**
     * Reveals nothing that its holder does not know: the subject is the challenge, never the customer, and the account
     * key is an HMAC of the username that the holder entered, or of the customer whose password or session is proven.
     */
    issueMfaToken(challenge: OpenChallenge): string {
      const { challengeId, account, purpose, clientId, device, verificationCode, expiresAt, provenAt } = challenge
      const issuedAt = now()
      return current.sign({
        iss: issuer,
        sub: challengeId,
        act: { sub: challengeId },
        iat: Math.floor(issuedAt.getTime() / 1_000),
        exp: Math.floor(expiresAt.getTime() / 1_000),
        jti: random.id(),
        sid: `${purpose}.${account}`,
        amr: device,
        ...(provenAt && { auth_time: Math.floor(provenAt.getTime() / 1_000) }),
        client_id: clientId,
        scope: `mfa_token:${verificationCode}`,
        token_type: 'bearer',
        expires: formatClaimTime(expiresAt),
        issued_at: formatClaimTime(issuedAt),
      })
    },

    /** @throws RekeyError invalid_grant for any token that does not verify */
    readMfaToken(token: string): ChallengeReference & { device: string } {
      try {
        const claims = verify(token)
        const [, purpose, account] = sidPattern.exec(claims.sid) ?? []
        if (!account) throw new Error('sid is not in the expected form')
        const { auth_time, client_id: clientId, amr: device = '' } = claims
        const provenAt = auth_time === undefined ? undefined : new Date(auth_time * 1_000)
        return { challengeId: claims.sub, account, purpose: purpose as Purpose, clientId, provenAt, device }
      } catch {
        throw new RekeyError('invalid_grant')
      }
    },
  }
}

export type MfaTokens = Awaited<ReturnType<typeof createMfaTokens>>
