import { availableParallelism } from 'node:os'
import { brand, Flag, Key, serviceEnv, trustedProxies, Url } from '@rekey/platform/config'
import { identityProviderEnv } from '@rekey/platform/identity-provider'
import { codeAccountLimit, limitsScale } from '@rekey/platform/quota'
import { type Static, Type } from '@sinclair/typebox'

/** The password-service's configuration, read from environment variables. */
export const Env = Type.Object({
  ...serviceEnv,
  DATABASE_URL: Url('postgres(ql)?', { description: 'Postgres, for customers, credentials and the history.' }),
  REKEY_DATABASE_POOL: Type.Integer({
    minimum: 2,
    maximum: 200,
    default: 10,
    description: 'Connections to Postgres that one instance keeps at most, beside five for the listener and the loops.',
  }),
  REKEY_PUBLIC_URL: Url('https?', {
    description: 'Origin that clients reach the gateway at: issuer of the tokens that are accepted.',
  }),
  REKEY_JWKS_URL: Url('https?', { description: "The gateway's JWK Set, with the keys that verify its tokens." }),
  // Only the gateway calls this service. On one machine it calls from loopback; elsewhere its network is named here.
  REKEY_TRUSTED_PROXIES: { ...trustedProxies, default: '127.0.0.1,::1' },
  REKEY_USERNAME_SEAL_KEY: Key(
    'Opens usernames that the gateway sealed, and seals those whose block is lifted for it.',
  ),
  REKEY_ADDRESS_SEAL_KEY: Key('Seals addresses, temporary passwords and report links for the notifier.'),
  REKEY_REPORT_KEY: Key('Seals what the links of notices ("it was not me") say. No other service has it.'),
  REKEY_PASSWORD_PEPPERS: Type.Optional(
    Type.String({
      pattern: '^[A-Za-z0-9_-]{1,8}:[A-Za-z0-9_-]{43}(,[A-Za-z0-9_-]{1,8}:[A-Za-z0-9_-]{43})*$',
      description:
        'Peppers of password hashes, comma-separated, each as id:32 random bytes in base64url. New hashes use the ' +
        'first; one may go once no hash names it.',
    }),
  ),
  REKEY_REQUIRE_CURRENT_PASSWORD: Type.Optional(
    Flag({
      description: 'Whether a change asks for the current password (ASVS 6.2.3). Unset: in production only.',
    }),
  ),
  REKEY_BRAND: brand,
  REKEY_PASSWORD_MIN_LENGTH: Type.Integer({
    minimum: 8,
    maximum: 64,
    default: 8,
    description: 'Least characters of a new password; without REKEY_SIGN_IN_MFA at least 15 all the same.',
  }),
  REKEY_SIGN_IN_MFA: Flag({
    default: true,
    description:
      "Whether every sign-in asks for a second factor. Rekey's own does; one of the platform's own, that asks " +
      'password.verify alone, may not: new passwords then have at least 15 characters (NIST SP 800-63B-4 §3.1.1.2).',
  }),
  REKEY_PASSWORD_BLOCKLIST: Type.Optional(
    Flag({ description: 'Whether common passwords are refused. Unset: in production only.' }),
  ),
  REKEY_PASSWORD_HISTORY: Type.Integer({
    minimum: 0,
    maximum: 24,
    default: 0,
    description:
      'Former passwords of a customer that a new one must not be, beside the current one (PCI DSS 8.3.7 wants 4). ' +
      '0: none is kept, and those that were are forgotten.',
  }),
  REKEY_BREACH_URL: Type.Optional(
    Url('https?', {
      description:
        'Range API of leaked passwords, such as https://api.pwnedpasswords.com/range: it is asked for five characters ' +
        "of a new password's SHA-1. Unset: none is asked.",
    }),
  ),
  REKEY_BREACH_TIMEOUT_MS: Type.Integer({
    minimum: 50,
    maximum: 2_000,
    default: 400,
    description: 'Milliseconds after which a new password is taken without the answer of REKEY_BREACH_URL.',
  }),
  REKEY_HOLD_HOURS: Type.Integer({
    minimum: 0,
    maximum: 720,
    default: 24,
    description: 'Hours that withdrawals should wait after a restore or reset; 0: no hold.',
  }),
  REKEY_BACK_OFFICE_FOUR_EYES: Flag({
    default: false,
    description: "Whether a second person must agree to what the back office does to customers' passwords.",
  }),
  ...codeAccountLimit,
  ...limitsScale,
  REKEY_HASH_CONCURRENCY: Type.Integer({
    minimum: 1,
    maximum: 128,
    // One core is left to answer requests with, and one of the four threads of libuv's pool to check tokens on.
    default: Math.min(3, Math.max(1, availableParallelism() - 1)),
    description:
      'Password hashes computed at a time, 19 MiB each. Above 3 set UV_THREADPOOL_SIZE to more too. Not set: one less ' +
      'than there are cores, at most 3.',
  }),
  REKEY_HASH_QUEUE: Type.Integer({
    minimum: 1,
    maximum: 10_000,
    default: 100,
    description: 'Password hashes that may wait for their turn; what exceeds it answers 503 at once.',
  }),
  ...identityProviderEnv,
})
export type Config = Static<typeof Env>
