import { toKey } from '@rekey/platform/seal'
import type { Server } from '@rekey/platform/server'
import type { Infrastructure } from '../infrastructure.ts'
import { createAuthorizationCodes } from './authorization-codes.store.ts'
import { createTokenIssuer } from './issue-token.ts'
import { createMfaTokens } from './mfa-token.ts'
import { loadSigningKeys } from './signing-keys.ts'

interface Settings {
  REKEY_PROFILE: 'sandbox' | 'production'
  REKEY_PUBLIC_URL: string
  REKEY_SIGNING_KEYS_FILE: string
  REKEY_MFA_TOKEN_KEY: string
}

/** Makes and reads the gateway's tokens, with the signing keys and the store of authorization codes. */
export const createTokens = async (app: Server, { redis, now, random, log }: Infrastructure, config: Settings) => {
  const issuer = config.REKEY_PUBLIC_URL
  const keys = loadSigningKeys({ path: config.REKEY_SIGNING_KEYS_FILE, profile: config.REKEY_PROFILE, now, log })
  return {
    issuer,
    ...createTokenIssuer({ keys, issuer, now, random }),
    ...(await createMfaTokens(app, { issuer, key: toKey(config.REKEY_MFA_TOKEN_KEY).export(), now, random })),
    authorizationCodes: createAuthorizationCodes({ redis, random, now }),
    publicKey: keys.publicKey,
    jwks: keys.jwks,
    close: keys.close,
  }
}

export type Tokens = Awaited<ReturnType<typeof createTokens>>
