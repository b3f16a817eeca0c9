import { createHash, type KeyObject } from 'node:crypto'
import type { Random } from '@rekey/platform/random'
import { seal, unseal } from '@rekey/platform/seal'

/** What a refresh token holds; nobody but the gateway can read or make one. */
export interface RefreshToken {
  /** Token subject: the customer's code. */
  subject: string
  sessionId: string
  /** The one client that may use it (RFC 6749 §6). */
  clientId: string
  /** Which of the session's refresh tokens it is, from 1. */
  generation: number
  /** 256 random bits: beside the seal, so that who learns its key still cannot make a token. */
  secret: string
}

const context = 'refresh_token'

export const createRefreshTokens = ({ key, random }: { key: KeyObject; random: Random }) => ({
  newSecret: (): string => random.bytes(32).toString('base64url'),

  /** What the session keeps of the secret. */
  digest: (secret: string): string => createHash('sha256').update(secret).digest('base64url'),

  write: (token: RefreshToken): Promise<string> => seal(key, context, token),

  /** Undefined for whatever is no refresh token of ours. */
  async read(sealed: string): Promise<RefreshToken | undefined> {
    try {
      return await unseal<RefreshToken>(key, context, sealed)
    } catch {
      return undefined
    }
  },
})

export type RefreshTokens = ReturnType<typeof createRefreshTokens>
