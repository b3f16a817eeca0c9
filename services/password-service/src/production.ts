import { brokerIsFit } from '@rekey/platform/broker-server'
import { identityProviderErrors } from '@rekey/platform/identity-provider'
import {
  brokerIsPrivate,
  certificatesAreChecked,
  isAtLeast,
  keyErrors,
  keysAreSound,
  logsErrors,
  mayBePlain,
  needsNoTls,
  type Production,
  partsUseHttps,
  proxiesAreFew,
  type Rule,
  tracesArePrivate,
  usesHttps,
} from '@rekey/platform/production'
import { filesArePrivate, filesAreUnwritable, isOpenToOthers } from '@rekey/platform/production-files'
import { codeAccountLimit, limitsAreUnscaled, quotasAreBounded } from '@rekey/platform/quota'
import { relyingPartyErrors } from '@rekey/platform/relying-party'
import { tlsErrors } from '@rekey/platform/tls-settings'
import { type ConnectionOptions, parse } from 'pg-connection-string'
import type { Config } from './config.ts'
import { argon2Floor } from './hashing/argon2.ts'
import { parsePeppers } from './hashing/hasher.ts'
import { postgresIsDurable, postgresIsFit } from './postgres-rules.ts'
import { verificationLimits } from './verifications/quotas.ts'

/** Without the pepper an attacker who has the database cannot guess passwords (ASVS App. C). */
const hasPepper: Rule<Config> = ({ REKEY_PASSWORD_PEPPERS }) =>
  REKEY_PASSWORD_PEPPERS === undefined
    ? ['REKEY_PASSWORD_PEPPERS is missing: create one with npm run keys -- generate.']
    : parsePeppers(REKEY_PASSWORD_PEPPERS).flatMap(({ key }) =>
        keyErrors('REKEY_PASSWORD_PEPPERS', key.toString('base64url')),
      )

/** ASVS 6.2.3. */
const requiresCurrentPassword: Rule<Config> = ({ REKEY_REQUIRE_CURRENT_PASSWORD }) =>
  REKEY_REQUIRE_CURRENT_PASSWORD === false ? ['REKEY_REQUIRE_CURRENT_PASSWORD is false: production requires true.'] : []

/** ASVS 6.2.4. */
const refusesCommonPasswords: Rule<Config> = ({ REKEY_PASSWORD_BLOCKLIST }) =>
  REKEY_PASSWORD_BLOCKLIST === false ? ['REKEY_PASSWORD_BLOCKLIST is false: production requires true.'] : []

/** Only the operator knows which methods the customers have. */
const choosesRestoreProofs: Rule<Config> = ({ REKEY_RESTORE_PROOFS }) =>
  REKEY_RESTORE_PROOFS === undefined
    ? ['REKEY_RESTORE_PROOFS is missing: choose one, enrolled, known or two (docs/contracts.md).']
    : []

/** A restore over an address that was added an hour ago would be like any other (SP 800-63B-4 §4.6). */
const hasYoungAddresses: Rule<Config> = ({ REKEY_NEW_ADDRESS_HOURS }) =>
  REKEY_NEW_ADDRESS_HOURS !== undefined && REKEY_NEW_ADDRESS_HOURS < 24
    ? [`REKEY_NEW_ADDRESS_HOURS is ${REKEY_NEW_ADDRESS_HOURS}: production requires 24 at least.`]
    : []

/** Somebody who reads their mail once a day must have the time to object. */
const restoresWaitLong: Rule<Config> = ({ REKEY_SOLO_RESTORE_WAIT_HOURS: hours }) =>
  hours !== undefined && hours > 0 && hours < 24
    ? [`REKEY_SOLO_RESTORE_WAIT_HOURS is ${hours}: production requires 24 at least, or 0.`]
    : []

/** PCI DSS 10.5.1: audit logs are kept for twelve months. */
const keepsHistory: Rule<Config> = ({ REKEY_HISTORY_RETENTION_MONTHS: months }) =>
  months !== undefined && months > 0 && months < 12
    ? [`REKEY_HISTORY_RETENTION_MONTHS is ${months}: production requires 12 at least, or 0.`]
    : []

/** Parses the URL as the driver does: some query parameters replace earlier parts of the URL. */
const parseUrl = (url: string): ConnectionOptions | undefined => {
  try {
    return parse(url)
  } catch {
    return undefined
  }
}

/** True if the driver verifies the server's certificate and its name. */
const verifiesServer = ({ ssl, sslmode }: ConnectionOptions & { sslmode?: unknown }) => sslmode === 'verify-full' && ssl

const hasCredentials = ({ user, password, ssl }: ConnectionOptions) =>
  Boolean(user && (password || (typeof ssl === 'object' && ssl.key)))

const urlNames = ['DATABASE_URL', 'REKEY_DATABASE_DIRECT_URL'] as const

/** Without TLS an attacker on the network could read the password hashes. */
const postgresIsPrivate: Rule<Config> = (config) =>
  urlNames.flatMap((name) => {
    const text = config[name]
    if (text === undefined) return []
    const url = parseUrl(text)
    if (!url) return [`${name} cannot be parsed: it is not a URL, or a certificate file that it names does not exist.`]
    if (mayBePlain(config, url.host ?? '')) return []
    return [
      ...(verifiesServer(url) || needsNoTls(config, url.host ?? '')
        ? []
        : [`${name} is without TLS: production requires sslmode=verify-full.`]),
      ...(hasCredentials(url) ? [] : [`${name} is without a password or client certificate: production requires one.`]),
    ]
  })

/** The key of a client certificate is as good as the password of the database. */
const clientKeyIsPrivate: Rule<Config> = (config) =>
  urlNames.flatMap((name) => {
    const url = config[name]
    const path = url && URL.canParse(url) && new URL(url).searchParams.get('sslkey')
    return path && isOpenToOthers(path)
      ? [`${name} names a sslkey that every account of this machine can read or write: chmod o-rw.`]
      : []
  })

/** The rules for the configuration and the servers of the password-service. */
export const production: Production<Config> = {
  rules: [
    keysAreSound('REKEY_USERNAME_SEAL_KEY', 'REKEY_ADDRESS_SEAL_KEY', 'REKEY_REPORT_KEY', 'REKEY_FACTOR_SEAL_KEY'),
    hasPepper,
    requiresCurrentPassword,
    refusesCommonPasswords,
    choosesRestoreProofs,
    hasYoungAddresses,
    restoresWaitLong,
    keepsHistory,
    limitsAreUnscaled,
    quotasAreBounded({ ...codeAccountLimit, ...verificationLimits }),
    isAtLeast('REKEY_HASH_MEMORY_KIB', argon2Floor.memoryKib, 'stolen hashes would be guessed sooner'),
    isAtLeast('REKEY_HASH_PASSES', argon2Floor.passes, 'stolen hashes would be guessed sooner'),
    isAtLeast('REKEY_CODE_PACE_MS', 1_000, 'a burst of requests for a customer would be noticeable to others'),
    isAtLeast('REKEY_FACTOR_RESET_WAIT_HOURS', 24, 'a customer whose factors were reset would have no time to object'),
    isAtLeast('REKEY_HOLD_HOURS', 1, 'other services would not learn that a password was restored'),
    proxiesAreFew,
    logsErrors,
    certificatesAreChecked,
    tracesArePrivate,
    filesArePrivate(
      'REKEY_SECRETS_FILE',
      'NATS_NKEY_FILE',
      'NATS_CREDENTIALS_FILE',
      'OTEL_EXPORTER_OTLP_CLIENT_KEY',
      'REKEY_TLS_KEY',
    ),
    filesAreUnwritable(
      'NATS_CA_FILE',
      'OTEL_EXPORTER_OTLP_CERTIFICATE',
      'REKEY_TLS_CERT',
      'REKEY_TLS_CA',
      'REKEY_TLS_CLIENT_CA',
    ),
    tlsErrors,
    brokerIsPrivate,
    postgresIsPrivate,
    clientKeyIsPrivate,
    partsUseHttps('REKEY_JWKS_URL'),
    usesHttps('REKEY_PUBLIC_URL', 'REKEY_IDP_ISSUER', 'REKEY_IDP_JWKS_URL', 'REKEY_BREACH_URL'),
    identityProviderErrors,
    relyingPartyErrors,
  ],
  correctness: [postgresIsFit, brokerIsFit],
  durability: [postgresIsDurable],
}
