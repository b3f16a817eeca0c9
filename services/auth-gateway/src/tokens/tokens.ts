import { toKey } from '@rekey/platform/seal'
import type { Server } from '@rekey/platform/server'
import type { Clients } from '../clients/clients.ts'
import type { Infrastructure } from '../infrastructure.ts'
import { createAuthorizationCodes } from './authorization-codes.store.ts'
import { createTokenIssuer } from './issue-token.ts'
import { createMfaTokens } from './mfa-token.ts'
import type { SigningKeys } from './signing-keys.ts'

interface Settings {
  REKEY_PUBLIC_URL: string
  REKEY_MFA_TOKEN_KEY: string
}

interface Deps {
  signingKeys: SigningKeys
  clients: Pick<Clients, 'find'>
}

/** Makes and reads the gateway's tokens, with the signing keys and the store of authorization codes. */
export const createTokens = async (
  app: Server,
  { redis, now, random }: Infrastructure,
  config: Settings,
  { signingKeys: keys, clients }: Deps,
) => {
  const issuer = config.REKEY_PUBLIC_URL
  const algorithmOf = (clientId: string) => clients.find(clientId)?.token_signing_alg
  return {
    issuer,
    ...createTokenIssuer({ keys, algorithmOf, issuer, now, random }),
    ...(await createMfaTokens(app, { issuer, key: toKey(config.REKEY_MFA_TOKEN_KEY).export(), now, random })),
    authorizationCodes: createAuthorizationCodes({ redis, random, now }),
    publicKey: keys.publicKey,
    jwks: keys.jwks,
    close: keys.close,
  }
}

export type Tokens = Awaited<ReturnType<typeof createTokens>>
