import type { TSchema } from '@sinclair/typebox'

/** Variables of TLS between the services, which `transport: tls` sets. */
export const tlsVariables = {
  'auth-gateway': ['REKEY_TLS_CERT', 'REKEY_TLS_KEY', 'REKEY_TLS_CA', 'REKEY_TLS_CLIENT_CERT', 'REKEY_TLS_CLIENT_KEY'],
  'password-service': ['REKEY_TLS_CERT', 'REKEY_TLS_KEY', 'REKEY_TLS_CLIENT_CA', 'REKEY_TLS_CA'],
  notifier: ['REKEY_TLS_CERT', 'REKEY_TLS_KEY'],
} as const

/** Node's own variables, which no configuration declares. */
export const nodeVariables = ['NODE_EXTRA_CA_CERTS', 'UV_THREADPOOL_SIZE']

const common = [
  'REKEY_PROFILE',
  'HOST',
  'PORT',
  'REKEY_METRICS_PORT',
  'REKEY_METRICS_HOST',
  'REKEY_PUBLIC_URL',
  'REKEY_BRAND',
  'REKEY_DRAIN_SECONDS',
  'REKEY_SECRETS_FILE',
  'REKEY_ALLOW_PLAINTEXT',
  'NATS_URL',
  'NATS_NKEY_FILE',
  'NATS_CA_FILE',
  // Another way to sign in at the broker would be a second one.
  'NATS_CREDENTIALS_FILE',
  'NATS_USER',
  // Production refuses what these would change, the images set the revision, and the Job creates the streams.
  'NODE_TLS_REJECT_UNAUTHORIZED',
  'REKEY_REVISION',
  'REKEY_STREAM_REPLICAS',
]

/** Variables that a service's `env` may not have: the chart sets them from other values, or they have no use in it. */
export const managedVariables: Record<keyof typeof tlsVariables, readonly string[]> = {
  'auth-gateway': [
    ...common,
    ...tlsVariables['auth-gateway'],
    'REKEY_CONTACT',
    'REKEY_THEME_DIR',
    'REKEY_CLIENTS_FILE',
    'REKEY_SIGNING_KEYS_FILE',
    'REKEY_PASSWORD_SERVICE_URL',
    'REKEY_TRUSTED_PROXIES',
    'REKEY_INBOX_URL',
    'REKEY_LIMITS_SCALE',
  ],
  'password-service': [
    ...common,
    ...tlsVariables['password-service'],
    'REKEY_JWKS_URL',
    'REKEY_TRUSTED_PROXIES',
    'REKEY_RESTORE_PROOFS',
    'REKEY_SMS_CODES',
    'REKEY_LIMITS_SCALE',
  ],
  notifier: [
    ...common,
    ...tlsVariables.notifier,
    'REKEY_CONTACT',
    'REKEY_THEME_DIR',
    'REKEY_MAIL_FROM',
    'REKEY_SMS_URL',
    'REKEY_BOUNCE_DOMAIN',
    'REKEY_BOUNCE_PORT',
  ],
}

/** Addresses of servers with their passwords. */
const withCredentials = ['DATABASE_URL', 'REKEY_DATABASE_DIRECT_URL', 'REDIS_URL', 'SMTP_URL']

/** True if a variable belongs in a file: everyone who may read pods sees the variables of a pod. */
export const isSecret = (name: string, { type }: TSchema): boolean =>
  type === 'string' && (withCredentials.includes(name) || /_(KEYS?|PEPPERS?|PASSWORD|TOKEN|SECRET|HEADERS)$/.test(name))
