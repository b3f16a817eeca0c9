import { createHash } from 'node:crypto'
import type { Keys } from '@rekey/platform/keys'
import type { Random } from '@rekey/platform/random'
import { seal, unseal } from '@rekey/platform/seal'

/** The grant of the sign-in. Sealed in the refresh token, because Redis could be changed (S40). */
export interface SessionFacts {
  scope: string
  /** The customer's epoch at the sign-in. */
  epoch: number
  /** ms since the epoch, like `answeredAt`. */
  endsAt: number
  /** When the customer submitted the code of the sign-in. */
  answeredAt?: number
  /** Authentication methods of the sign-in (RFC 8176). */
  amr?: readonly string[]
}

/** Content of a refresh token, sealed: only the gateway can read or make one. */
export interface RefreshToken {
  /** Token subject: the customer's code. */
  subject: string
  sessionId: string
  /** The client that it was issued to: no other may use it (RFC 6749 §6). */
  clientId: string
  /** Number of the token within its session, from 1. */
  generation: number
  /** Facts of the session, which the tokens of later refreshes are made from. Undefined: a token of an earlier version. */
  session?: SessionFacts
  /** 256 random bits. The session stores a digest, so that a leaked seal key alone does not let anyone forge a token. */
  secret: string
}

const context = 'refresh_token'

/** Makes and reads refresh tokens. */
export const createRefreshTokens = ({ keys, random }: { keys: Keys; random: Random }) => ({
  newSecret: (): string => random.bytes(32).toString('base64url'),

  /** Digest of the secret, which the session stores. */
  digest: (secret: string): string => createHash('sha256').update(secret).digest('base64url'),

  write: (token: RefreshToken): string => seal(keys, context, token),

  /** @returns undefined if the text is no refresh token of ours */
  async read(sealed: string): Promise<RefreshToken | undefined> {
    try {
      return await unseal<RefreshToken>(keys, context, sealed)
    } catch {
      return undefined
    }
  },
})

export type RefreshTokens = ReturnType<typeof createRefreshTokens>
