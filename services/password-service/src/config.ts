import { availableParallelism } from 'node:os'
import { longestWaitHours, OneOf, type RestoreProofs, restoreProofs } from '@rekey/contracts'
import { brand, Flag, Key, publicUrl, serviceEnv, Url } from '@rekey/platform/config'
import { fourEyes } from '@rekey/platform/four-eyes'
import { identityProviderEnv } from '@rekey/platform/identity-provider'
import { passwordLengthEnv } from '@rekey/platform/password-length'
import { codeAccountLimit, limitsScale } from '@rekey/platform/quota'
import { relyingPartyEnv } from '@rekey/platform/relying-party'
import { authorityEnv, clientAuthorityEnv } from '@rekey/platform/tls-env'
import { trustedProxies } from '@rekey/platform/trusted-proxies'
import { type Static, Type } from '@sinclair/typebox'
import { argon2Floor } from './hashing/argon2.ts'
import { verificationLimits } from './verifications/quotas.ts'

/** The password-service's configuration, read from environment variables. */
export const Env = Type.Object({
  ...serviceEnv,
  DATABASE_URL: Url('postgres(ql)?', { description: 'Postgres, for customers, credentials and the history.' }),
  REKEY_DATABASE_DIRECT_URL: Type.Optional(
    Url('postgres(ql)?', {
      description:
        'Postgres itself, if DATABASE_URL is that of a pooler in transaction mode such as PgBouncer: for LISTEN, locks of ' +
        'imports and migrations, and the verification of the history. Not set: DATABASE_URL is Postgres itself.',
    }),
  ),
  REKEY_DATABASE_POOL: Type.Integer({
    minimum: 2,
    maximum: 200,
    default: 10,
    description:
      'Most connections of one instance to Postgres, besides five for the listener and the background loops.',
  }),
  REKEY_OUTBOX_HOURS: Type.Integer({
    minimum: 1,
    maximum: 720,
    default: 24,
    description:
      'Hours for which published events stay in Postgres. A broker that is restored from an older copy gets those again ' +
      'that it lost: keep them for longer than the age of such a copy.',
  }),
  REKEY_HISTORY_RETENTION_MONTHS: Type.Integer({
    minimum: 0,
    maximum: 1_200,
    default: 0,
    description:
      'Months for which history records are kept; older ones are deleted, and the rest can still be verified. 0: for ' +
      'ever. Production requires 12 or more (PCI DSS 10.5.1). Set it only once every instance has this version.',
  }),
  REKEY_PUBLIC_URL: publicUrl,
  REKEY_JWKS_URL: Url('https?', { description: "URL of the gateway's JWK Set, whose keys verify its tokens." }),
  ...authorityEnv,
  ...clientAuthorityEnv,
  // Only the gateway calls this service. The default covers one machine; otherwise set the gateway's network.
  REKEY_TRUSTED_PROXIES: { ...trustedProxies, default: '127.0.0.1,::1' },
  REKEY_USERNAME_SEAL_KEY: Key(
    'Opens usernames that the gateway sealed, and seals usernames for the gateway when a block is lifted.',
  ),
  REKEY_ADDRESS_SEAL_KEY: Key('Seals addresses, temporary passwords and report links for the notifier.'),
  REKEY_REPORT_KEY: Key('Key of the HMACs of links in notifications ("it was not me"). No other service has it.'),
  REKEY_FACTOR_SEAL_KEY: Key(
    'Seals secrets of authenticator apps, keys of recovery codes and public keys of passkeys in Postgres. No other ' +
      'service has it. A backup of Postgres is of use only with the keys of its time.',
  ),
  ...relyingPartyEnv,
  REKEY_PASSWORD_PEPPERS: Type.Optional(
    Type.String({
      pattern: '^[A-Za-z0-9_-]{1,8}:[A-Za-z0-9_-]{43}(,[A-Za-z0-9_-]{1,8}:[A-Za-z0-9_-]{43})*$',
      description:
        'Peppers of password hashes, comma-separated, each as id:32 random bytes in base64url. New hashes use the ' +
        'first; remove a pepper when no hash names it.',
    }),
  ),
  REKEY_REQUIRE_CURRENT_PASSWORD: Type.Optional(
    Flag({
      description: 'true: a change requires the current password (ASVS 6.2.3). Not set: in production only.',
    }),
  ),
  REKEY_RESTORE_PROOFS: Type.Optional(
    OneOf(restoreProofs, {
      description:
        'Restores that need a second, independent proof (docs/contracts.md). one: none. enrolled: those of customers with ' +
        'a passkey, an authenticator app or recovery codes. known: those of customers with two methods, e-mail and SMS ' +
        'included. two: all. Not set: enrolled; production must choose.',
    }),
  ),
  REKEY_SMTPUTF8: Flag({
    default: false,
    description:
      'true: the mail server offers SMTPUTF8 (RFC 6531), as the notifier logs at its start. false: e-mail addresses whose part before the @ is not ASCII are refused at import and upsert.',
  }),
  REKEY_BRAND: brand,
  ...passwordLengthEnv,
  REKEY_PASSWORD_BLOCKLIST: Type.Optional(
    Flag({ description: 'true: common passwords are refused. Not set: in production only.' }),
  ),
  REKEY_PASSWORD_HISTORY: Type.Integer({
    minimum: 0,
    maximum: 24,
    default: 0,
    description:
      'Number of former passwords that a new one must differ from, besides the current one (PCI DSS 8.3.7 requires 4). ' +
      '0: none is stored, and stored ones are deleted.',
  }),
  REKEY_BREACH_URL: Type.Optional(
    Url('https?', {
      description:
        'Range API of leaked passwords, such as https://api.pwnedpasswords.com/range. It receives five characters of a ' +
        "new password's SHA-1. Not set: leaked passwords are not looked up.",
    }),
  ),
  REKEY_BREACH_TIMEOUT_MS: Type.Integer({
    minimum: 50,
    maximum: 2_000,
    default: 400,
    description: 'Milliseconds after which a new password is accepted without an answer of REKEY_BREACH_URL.',
  }),
  REKEY_HOLD_HOURS: Type.Integer({
    minimum: 0,
    maximum: 720,
    default: 24,
    description:
      'Length of the recovery hold after a restore, a reset, or a password that the back office set, in hours; 0: no hold.',
  }),
  REKEY_SMS_CODES: Flag({
    default: true,
    description:
      'false: the notifier has no SMS vendor. A phone number then does not count as another channel: after a restore by ' +
      'mail, sign-in goes on to offer mail.',
  }),
  REKEY_NEW_ADDRESS_HOURS: Type.Integer({
    minimum: 0,
    maximum: 720,
    default: 72,
    description:
      'How long a confirmed address that an existing customer gained is young, in hours: a restore over it begins a hold ' +
      'that is longer by this time. For as long a removed address is notified of new passwords, and a new second factor is ' +
      'no second proof of a customer who has another one. 0: nothing is young.',
  }),
  REKEY_FACTOR_RESET_WAIT_HOURS: Type.Integer({
    minimum: 1,
    maximum: 720,
    default: 24,
    description:
      'Least length of the recovery hold that begins when the back office removes the second factors of a customer, in hours, ' +
      'whatever REKEY_HOLD_HOURS is. Production requires the default or more.',
  }),
  REKEY_SOLO_RESTORE_WAIT_HOURS: Type.Integer({
    minimum: 0,
    maximum: longestWaitHours,
    default: 24,
    description:
      'How long a restore waits whose customer can give one proof of two, in hours: every address is notified, and can veto ' +
      'it. 0: there are no such restores, and the staff help. Production requires 0, or the default or more.',
  }),
  ...fourEyes,
  REKEY_STAFF_NEEDS_PROOF: Type.Optional(
    Flag({
      description:
        'true: an act of the back office on a customer who calls needs a verification of that customer by the same member of ' +
        'staff within the last 15 minutes, or a reason and a second person. Not set: in production only.',
    }),
  ),
  ...verificationLimits,
  ...codeAccountLimit,
  REKEY_CODE_PACE_MS: Type.Integer({
    minimum: 0,
    maximum: 5_000,
    default: 1_000,
    description:
      'Least time between two codes that an instance makes for one username, in milliseconds: a burst for one customer ' +
      'must not be noticeable to others.',
  }),
  ...limitsScale,
  REKEY_HASH_MEMORY_KIB: Type.Integer({
    minimum: 1_024,
    maximum: 1_048_576,
    default: argon2Floor.memoryKib,
    description: 'Memory of a new password hash, in KiB (argon2id). Production requires the default or more.',
  }),
  REKEY_HASH_PASSES: Type.Integer({
    minimum: 1,
    maximum: 20,
    default: argon2Floor.passes,
    description: 'Passes of a new password hash (argon2id). Production requires the default or more.',
  }),
  REKEY_HASH_CONCURRENCY: Type.Integer({
    minimum: 1,
    maximum: 128,
    // Leaves one core for requests, and one of the four threads of libuv's pool for token signatures.
    default: Math.min(3, Math.max(1, availableParallelism() - 1)),
    description:
      'Password hashes computed at a time, each with its memory. For more than 3 raise UV_THREADPOOL_SIZE too. Not set: number ' +
      'of cores minus one, at most 3.',
  }),
  REKEY_HASH_QUEUE: Type.Integer({
    minimum: 1,
    maximum: 10_000,
    default: 100,
    description: 'Password hashes that may wait in the queue; further ones answer 503 at once.',
  }),
  ...identityProviderEnv,
})
export type Config = Static<typeof Env>

/** The rule for second proofs. Production refuses to start without a choice. */
export const restoreProofsOf = ({ REKEY_RESTORE_PROOFS: chosen = 'enrolled' }: Config): RestoreProofs => chosen
