import { brokerIsFit } from '@rekey/platform/broker-server'
import { identityProviderErrors } from '@rekey/platform/identity-provider'
import {
  brokerIsPrivate,
  certificatesAreChecked,
  hasOwnContact,
  isAtLeast,
  keysAreSound,
  logsErrors,
  mayBePlain,
  needsNoTls,
  type Production,
  partsUseHttps,
  proxiesAreFew,
  type Rule,
  type ServerRule,
  tracesArePrivate,
  urlsOf,
  usesHttps,
} from '@rekey/platform/production'
import { filesArePrivate, filesAreUnwritable } from '@rekey/platform/production-files'
import { limitsAreUnscaled, quotasAreBounded } from '@rekey/platform/quota'
import { redisLosses } from '@rekey/platform/redis-durability'
import { redisServerErrors } from '@rekey/platform/redis-server'
import { relyingPartyErrors } from '@rekey/platform/relying-party'
import { tlsErrors } from '@rekey/platform/tls-settings'
import { clientsErrors } from './clients/client-registry.ts'
import type { Config } from './config.ts'
import { consoleErrors } from './console/settings.ts'
import { themeIsSound } from './layout/page-theme.ts'
import { quotaEnv } from './limits/quotas.ts'
import { signingKeysErrors } from './tokens/signing-keys.ts'

/** Refuses the sandbox's published clients, redirects without TLS, and, with four eyes, staff clients without owner. */
const hasOwnClients: Rule<Config> = ({ REKEY_CLIENTS_FILE, REKEY_DEFAULT_CLIENT_ID, REKEY_BACK_OFFICE_FOUR_EYES }) =>
  clientsErrors(REKEY_CLIENTS_FILE, REKEY_DEFAULT_CLIENT_ID, REKEY_BACK_OFFICE_FOUR_EYES)

/** Refuses the sandbox's signing keys. */
const hasOwnSigningKeys: Rule<Config> = ({ REKEY_SIGNING_KEYS_FILE }) =>
  REKEY_SIGNING_KEYS_FILE === undefined ? [] : signingKeysErrors(REKEY_SIGNING_KEYS_FILE)

/** Write access to Redis could reset failed attempts, or end sessions. */
const redisIsPrivate: Rule<Config> = (config) => {
  if (config.REDIS_URL === undefined) return []
  const exposed = urlsOf(config.REDIS_URL).filter((url) => !mayBePlain(config, url.hostname))
  return [
    ...(exposed.some((url) => url.protocol !== 'rediss:' && !needsNoTls(config, url.hostname))
      ? ['REDIS_URL is without TLS: production requires rediss://.']
      : []),
    ...(exposed.some((url) => !url.password) ? ['REDIS_URL is without a password: rediss://user:password@….'] : []),
  ]
}

/** A replica refuses writes, and a single node of a cluster has only some of the keys. */
const redisIsFit: ServerRule<Config> = async ({ REDIS_URL, REKEY_REDIS_CLUSTER = false }) =>
  REDIS_URL === undefined ? [] : redisServerErrors(REDIS_URL, REKEY_REDIS_CLUSTER)

/** Redis must not lose challenges, lockouts and sessions before they expire. */
const redisKeepsItsData: ServerRule<Config> = async ({ REDIS_URL, REKEY_REDIS_CLUSTER = false }) => {
  if (REDIS_URL === undefined) return []
  const losses = await redisLosses(REDIS_URL, REKEY_REDIS_CLUSTER)
  if (losses === undefined) return undefined
  return [
    ...(losses.has('at a restart')
      ? ['REDIS_URL is a Redis that forgets at a restart: turn appendonly on (or snapshots).']
      : []),
    ...(losses.has('when its memory is full')
      ? ['REDIS_URL is a Redis that drops keys when its memory is full: maxmemory-policy noeviction.']
      : []),
  ]
}

/** The gateway's rules for production. */
export const production: Production<Config> = {
  rules: [
    keysAreSound(
      'REKEY_MFA_TOKEN_KEY',
      'REKEY_CODE_KEY',
      'REKEY_ACCOUNT_KEY',
      'REKEY_CODE_SEAL_KEY',
      'REKEY_USERNAME_SEAL_KEY',
      'REKEY_REFRESH_KEY',
    ),
    hasOwnSigningKeys,
    hasOwnClients,
    hasOwnContact,
    themeIsSound,
    limitsAreUnscaled,
    quotasAreBounded(quotaEnv),
    isAtLeast('REKEY_RESEND_SECONDS', 30, 'codes could be sent to a customer without a pause'),
    proxiesAreFew,
    logsErrors,
    certificatesAreChecked,
    tracesArePrivate,
    filesArePrivate(
      'REKEY_SECRETS_FILE',
      'REKEY_SIGNING_KEYS_FILE',
      'NATS_NKEY_FILE',
      'NATS_CREDENTIALS_FILE',
      'OTEL_EXPORTER_OTLP_CLIENT_KEY',
      'REKEY_TLS_KEY',
      'REKEY_TLS_CLIENT_KEY',
    ),
    filesAreUnwritable(
      'REKEY_CLIENTS_FILE',
      'NATS_CA_FILE',
      'OTEL_EXPORTER_OTLP_CERTIFICATE',
      'REKEY_TLS_CERT',
      'REKEY_TLS_CA',
      'REKEY_TLS_CLIENT_CERT',
    ),
    tlsErrors,
    brokerIsPrivate,
    redisIsPrivate,
    partsUseHttps('REKEY_PASSWORD_SERVICE_URL'),
    usesHttps('REKEY_PUBLIC_URL', 'REKEY_CHANGE_PASSWORD_URL', 'REKEY_IDP_ISSUER', 'REKEY_IDP_JWKS_URL'),
    identityProviderErrors,
    relyingPartyErrors,
    consoleErrors,
  ],
  correctness: [redisIsFit, brokerIsFit],
  durability: [redisKeepsItsData],
}
