import { brand, Flag, Key, serviceEnv, trustedProxies, Url, Urls } from '@rekey/platform/config'
import { identityProviderEnv } from '@rekey/platform/identity-provider'
import { type Static, Type } from '@sinclair/typebox'
import { allowanceEnv } from './limits/quotas.ts'

/** The gateway's configuration, read from environment variables. */
export const Env = Type.Object({
  ...serviceEnv,
  REDIS_URL: Urls('rediss?', {
    description: 'Redis, for challenges, limits and sessions. Of a cluster: some of its nodes, comma-separated.',
  }),
  REKEY_REDIS_CLUSTER: Flag({ default: false, description: 'Whether REDIS_URL names a Redis Cluster.' }),
  REKEY_PUBLIC_URL: Type.String({
    format: 'url',
    pattern: '^https?://[^\\s/]+$',
    description: 'Origin that clients reach the gateway at, without a path: issuer of tokens and base of links.',
  }),
  REKEY_BRAND: brand,
  REKEY_PASSWORD_SERVICE_URL: Url('https?', { description: 'Where the password-service listens.' }),
  REKEY_TRUSTED_PROXIES: trustedProxies,
  REKEY_CLIENTS_FILE: Type.Optional(
    Type.String({ description: 'JSON file of OAuth clients, read again when it changes. The sandbox brings its own.' }),
  ),
  REKEY_DEFAULT_CLIENT_ID: Type.Optional(
    Type.String({
      description: 'Client that unauthorized challenges without client_id count as. The sandbox takes ib_localhost.',
    }),
  ),
  REKEY_SIGNING_KEYS_FILE: Type.String({
    description:
      'JWK Set of private Ed25519 keys, read again when it changes: the newest whose time has come signs, all verify.',
  }),
  REKEY_MFA_TOKEN_KEY: Key('HS256 key of mfa_token.'),
  REKEY_CODE_KEY: Key('HMAC key of confirmation codes at rest.'),
  REKEY_ACCOUNT_KEY: Key('HMAC key that account keys are made with.'),
  REKEY_CODE_SEAL_KEY: Key('Seals codes for the notifier.'),
  REKEY_USERNAME_SEAL_KEY: Key('Seals usernames for the password-service, and opens those whose block is lifted.'),
  REKEY_REFRESH_KEY: Key('Seals refresh tokens for the gateway itself.'),
  REKEY_SESSION_HOURS: Type.Integer({
    minimum: 1,
    maximum: 720,
    default: 12,
    description: 'Life of a sign-in, in hours, however often its tokens are refreshed.',
  }),
  REKEY_CHANGE_PASSWORD_URL: Type.Optional(
    Url('https?', {
      description: 'Page that password managers send a person to. Not set: /restore, where there is a default client.',
    }),
  ),
  REKEY_SIGN_IN_CONCURRENCY: Type.Integer({
    minimum: 1,
    maximum: 10_000,
    default: 24,
    description:
      'Passwords that one gateway has the password-services verify at a time; a sign-in that exceeds it answers 503 at once.',
  }),
  REKEY_CODE_DIGITS: Type.Integer({
    minimum: 6,
    maximum: 12,
    default: 6,
    description: 'Digits of a confirmation code.',
  }),
  REKEY_CODE_TTL_SECONDS: Type.Integer({
    minimum: 30,
    maximum: 600,
    default: 600,
    description: 'Life of a confirmation code, in seconds.',
  }),
  REKEY_RESEND_SECONDS: Type.Integer({
    minimum: 1,
    maximum: 600,
    default: 60,
    description: 'Wait before a code may be sent again, in seconds.',
  }),
  ...allowanceEnv,
  ...identityProviderEnv,
})
export type Config = Static<typeof Env>
