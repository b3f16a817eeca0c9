import { createHash, type KeyObject } from 'node:crypto'
import type { Random } from '@rekey/platform/random'
import { seal, unseal } from '@rekey/platform/seal'

/** Content of a refresh token, sealed: only the gateway can read or make one. */
export interface RefreshToken {
  /** Token subject: the customer's code. */
  subject: string
  sessionId: string
  /** The client that it was issued to: no other may use it (RFC 6749 §6). */
  clientId: string
  /** Number of the token within its session, from 1. */
  generation: number
  /** 256 random bits. The session stores a digest, so that a leaked seal key alone does not let anyone forge a token. */
  secret: string
  /** When the session began (ms). Absent in tokens of the version before. */
  beganAt?: number
}

const context = 'refresh_token'

/** Makes and reads refresh tokens. */
export const createRefreshTokens = ({ key, random }: { key: KeyObject; random: Random }) => ({
  newSecret: (): string => random.bytes(32).toString('base64url'),

  /** Digest of the secret, which the session stores. */
  digest: (secret: string): string => createHash('sha256').update(secret).digest('base64url'),

  write: (token: RefreshToken): Promise<string> => seal(key, context, token),

  /** @returns undefined if the text is no refresh token of ours */
  async read(sealed: string): Promise<RefreshToken | undefined> {
    try {
      return await unseal<RefreshToken>(key, context, sealed)
    } catch {
      return undefined
    }
  },
})

export type RefreshTokens = ReturnType<typeof createRefreshTokens>
