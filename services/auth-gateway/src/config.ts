import { Flag, Key, presentationEnv, publicUrl, serviceEnv, Url, Urls } from '@rekey/platform/config'
import { fourEyes } from '@rekey/platform/four-eyes'
import { identityProviderEnv } from '@rekey/platform/identity-provider'
import { passwordLengthEnv } from '@rekey/platform/password-length'
import { relyingPartyEnv } from '@rekey/platform/relying-party'
import { authorityEnv, clientCertificateEnv } from '@rekey/platform/tls-env'
import { trustedProxies } from '@rekey/platform/trusted-proxies'
import { type Static, Type } from '@sinclair/typebox'
import { codeEnv } from './challenges/codes.ts'
import { resendEnv } from './challenges/resend-cooldown.ts'
import { consoleEnv } from './console/settings.ts'
import { quotaEnv } from './limits/quotas.ts'

/** The gateway's configuration, read from environment variables. */
export const Env = Type.Object({
  ...serviceEnv,
  REDIS_URL: Urls('rediss?', {
    description: 'Redis, for challenges, limits and sessions. For a cluster: some of its nodes, comma-separated.',
  }),
  REKEY_REDIS_CLUSTER: Flag({ default: false, description: 'True if REDIS_URL is a Redis Cluster.' }),
  REKEY_PUBLIC_URL: publicUrl,
  ...presentationEnv,
  REKEY_PASSWORD_SERVICE_URL: Url('https?', { description: 'URL of the password-service.' }),
  ...authorityEnv,
  ...clientCertificateEnv,
  REKEY_TRUSTED_PROXIES: trustedProxies,
  REKEY_PROXY_TRACES: Flag({
    default: false,
    description:
      'True if the trusted proxies set traceparent themselves, and pass none on from clients: their traces are continued.',
  }),
  REKEY_CLIENTS_FILE: Type.Optional(
    Type.String({ description: 'JSON file of OAuth clients, read again when it changes. The sandbox has its own.' }),
  ),
  ...fourEyes,
  REKEY_DEFAULT_CLIENT_ID: Type.Optional(
    Type.String({
      description:
        'Client of hosted restores, of unauthorized challenges without client_id, and of the account pages. Sandbox: ib_localhost.',
    }),
  ),
  REKEY_SIGNING_KEYS_FILE: Type.String({
    description:
      'JWK Set of private Ed25519 and RSA keys, read again when it changes. The newest valid key of an algorithm signs; all keys verify.',
  }),
  REKEY_MFA_TOKEN_KEY: Key('HS256 key of mfa_token.'),
  REKEY_CODE_KEY: Key('HMAC key of stored confirmation codes.'),
  REKEY_ACCOUNT_KEY: Key('HMAC key that account keys are derived with.'),
  REKEY_CODE_SEAL_KEY: Key('Seals codes for the notifier.'),
  REKEY_USERNAME_SEAL_KEY: Key('Seals usernames for the password-service, and opens those of lifted blocks.'),
  REKEY_REFRESH_KEY: Key('Seals refresh tokens.'),
  REKEY_SESSION_HOURS: Type.Integer({
    minimum: 1,
    maximum: 720,
    default: 12,
    description: 'Life of a session, in hours, however often it is refreshed.',
  }),
  REKEY_CHANGE_PASSWORD_URL: Type.Optional(
    Url('https?', {
      description: 'Page that password managers open. Not set: /restore, if there is a default client.',
    }),
  ),
  ...relyingPartyEnv,
  REKEY_API_DOCS: Flag({
    default: true,
    description: 'True if the gateway serves /openapi.json, /asyncapi.json and /docs.',
  }),
  REKEY_INBOX_URL: Type.Optional(
    Url('https?', { description: "The sandbox's inbox, to which its page / links. npm start sets it." }),
  ),
  REKEY_SIGN_IN_CONCURRENCY: Type.Integer({
    minimum: 1,
    maximum: 10_000,
    default: 24,
    description:
      'Passwords that one gateway sends for verification at a time; further sign-ins are answered 503 at once.',
  }),
  ...passwordLengthEnv,
  ...codeEnv,
  ...resendEnv,
  ...quotaEnv,
  ...identityProviderEnv,
  ...consoleEnv,
})
export type Config = Static<typeof Env>

/** True if clients reach the gateway by https alone. A sandbox may share its host with other sites (RFC 6797 §7.2). */
export const isHttpsOnly = ({ REKEY_PROFILE, REKEY_PUBLIC_URL }: Pick<Config, 'REKEY_PROFILE' | 'REKEY_PUBLIC_URL'>) =>
  REKEY_PROFILE === 'production' && REKEY_PUBLIC_URL.startsWith('https:')
