import { toKeys } from '@rekey/platform/keys'
import type { Server } from '@rekey/platform/server'
import type { Clients } from '../clients/clients.ts'
import type { Infrastructure } from '../infrastructure.ts'
import type { StoredRecords } from '../stored-records/stored-records.ts'
import { createAuthorizationCodes } from './authorization-codes.store.ts'
import { createTokenIssuer } from './issue-token.ts'
import { createMfaTokens } from './mfa-token.ts'
import { createSecondProofTokens } from './second-proof-token.ts'
import type { SigningKeys } from './signing-keys.ts'

interface Settings {
  REKEY_PUBLIC_URL: string
  REKEY_MFA_TOKEN_KEY: string
  REKEY_USERNAME_SEAL_KEY: string
}

interface Deps {
  signingKeys: SigningKeys
  clients: Pick<Clients, 'find'>
  records: StoredRecords
}

/** Makes and reads the gateway's tokens, with the signing keys and the store of authorization codes. */
export const createTokens = async (
  app: Server,
  { redis, now, random, log }: Infrastructure,
  config: Settings,
  { signingKeys: keys, clients, records }: Deps,
) => {
  const issuer = config.REKEY_PUBLIC_URL
  return {
    issuer,
    ...createTokenIssuer({ keys, clients, issuer, now, random, log }),
    ...(await createMfaTokens(app, { issuer, keys: toKeys(config.REKEY_MFA_TOKEN_KEY), now, random })),
    ...createSecondProofTokens({ usernameKeys: toKeys(config.REKEY_USERNAME_SEAL_KEY), now }),
    authorizationCodes: createAuthorizationCodes({ redis, records, random, now }),
    publicKey: keys.publicKey,
    jwks: keys.jwks,
    close: keys.close,
  }
}

export type Tokens = Awaited<ReturnType<typeof createTokens>>
