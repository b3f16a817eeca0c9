import { brokerIsFit } from '@rekey/platform/broker-server'
import { identityProviderErrors } from '@rekey/platform/identity-provider'
import {
  brokerIsPrivate,
  certificatesAreChecked,
  filesArePrivate,
  keyErrors,
  keysAreSound,
  mayBePlain,
  type Production,
  type Rule,
  usesHttps,
} from '@rekey/platform/production'
import { limitsAreUnscaled } from '@rekey/platform/quota'
import { type ConnectionOptions, parse } from 'pg-connection-string'
import type { Config } from './config.ts'
import { parsePeppers } from './hashing/hasher.ts'
import { postgresIsDurable, postgresIsFit } from './postgres-rules.ts'

/** Hashes that leave the database alone cannot be guessed without a pepper (ASVS App. C). */
const hasPepper: Rule<Config> = ({ REKEY_PASSWORD_PEPPERS }) =>
  REKEY_PASSWORD_PEPPERS === undefined
    ? ['REKEY_PASSWORD_PEPPERS is missing: npm run keys -- generate makes one.']
    : parsePeppers(REKEY_PASSWORD_PEPPERS).flatMap(({ key }) =>
        keyErrors('REKEY_PASSWORD_PEPPERS', key.toString('base64url')),
      )

/** ASVS 6.2.3 */
const asksForCurrentPassword: Rule<Config> = ({ REKEY_REQUIRE_CURRENT_PASSWORD }) =>
  REKEY_REQUIRE_CURRENT_PASSWORD === false ? ['REKEY_REQUIRE_CURRENT_PASSWORD is false: production asks for it.'] : []

/** ASVS 6.2.4 */
const refusesCommonPasswords: Rule<Config> = ({ REKEY_PASSWORD_BLOCKLIST }) =>
  REKEY_PASSWORD_BLOCKLIST === false ? ['REKEY_PASSWORD_BLOCKLIST is false: production refuses common passwords.'] : []

/** As the driver will read it: some of its parameters replace what stands before them. */
const readUrl = (url: string): ConnectionOptions | undefined => {
  try {
    return parse(url)
  } catch {
    return undefined
  }
}

/** Certificates are checked, and against the server's name. */
const isVerified = ({ ssl, sslmode }: ConnectionOptions & { sslmode?: unknown }) => sslmode === 'verify-full' && ssl

const hasCredentials = ({ user, password, ssl }: ConnectionOptions) =>
  Boolean(user && (password || (typeof ssl === 'object' && ssl.key)))

/** Postgres holds the hashes, and who reads the wire reads them too. */
const postgresIsPrivate: Rule<Config> = (config) => {
  if (config.DATABASE_URL === undefined) return []
  const url = readUrl(config.DATABASE_URL)
  if (!url) return ['DATABASE_URL cannot be read: it is no URL, or a certificate that it names is not there.']
  if (mayBePlain(config, url.host ?? '')) return []
  return [
    ...(isVerified(url) ? [] : ['DATABASE_URL is without TLS: production wants sslmode=verify-full.']),
    ...(hasCredentials(url) ? [] : ['DATABASE_URL is without a password or client certificate.']),
  ]
}

/** What the password-service insists on. */
export const production: Production<Config> = {
  rules: [
    keysAreSound('REKEY_USERNAME_SEAL_KEY', 'REKEY_ADDRESS_SEAL_KEY', 'REKEY_REPORT_KEY'),
    hasPepper,
    asksForCurrentPassword,
    refusesCommonPasswords,
    limitsAreUnscaled,
    certificatesAreChecked,
    filesArePrivate('REKEY_SECRETS_FILE', 'NATS_NKEY_FILE', 'NATS_CREDENTIALS_FILE'),
    brokerIsPrivate,
    postgresIsPrivate,
    usesHttps('REKEY_PUBLIC_URL', 'REKEY_JWKS_URL', 'REKEY_IDP_ISSUER', 'REKEY_IDP_JWKS_URL', 'REKEY_BREACH_URL'),
    identityProviderErrors,
  ],
  correctness: [postgresIsFit, brokerIsFit],
  durability: [postgresIsDurable],
}
