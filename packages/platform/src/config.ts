import { readFileSync } from 'node:fs'
import { parseEnv } from 'node:util'
import { OneOf } from '@rekey/contracts'
import { type Static, type TObject, type TSchema, Type } from '@sinclair/typebox'
import { listenerEnv } from './tls-env.ts'
import { tracingEnv } from './tracing-settings.ts'
import { coerce, compileValidationErrors } from './validation.ts'

export { Key } from './keys.ts'

interface UrlOptions {
  description: string
  default?: string
}

export const Url = (protocols: string, options: UrlOptions) =>
  Type.String({ format: 'url', pattern: `^(${protocols})://[^\\s]+$`, ...options })

/** Comma-separated URLs: servers of a cluster. */
export const Urls = (protocols: string, options: UrlOptions) => ({ ...Url(protocols, options), format: 'urls' })

export const Flag = (options: { description: string; default?: boolean }) => Type.Boolean(options)

/** Variables of every service. */
export const serviceEnv = {
  REKEY_PROFILE: OneOf(['sandbox', 'production'], {
    description: 'sandbox: everything on one machine, lenient. production: strict.',
  }),
  HOST: Type.String({ default: '127.0.0.1', description: 'Address to listen on.' }),
  PORT: Type.Integer({ minimum: 0, maximum: 65_535, description: 'Port to listen on.' }),
  ...listenerEnv,
  LOG_LEVEL: OneOf(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'], {
    default: 'info',
    description: 'Least severity that is logged. Security events are logged at every level.',
  }),
  REKEY_REQUEST_LOG: Type.Optional(
    Flag({
      description:
        'true: logs one line for each request but probes. A request that failed always leaves one. ' +
        'Not set: true in the sandbox, false in production.',
    }),
  ),
  REKEY_ALLOW_PLAINTEXT: Type.Optional(
    OneOf(['loopback', 'mesh'], {
      description:
        'loopback: production accepts NATS, Postgres and Redis on this machine without TLS and without credentials. ' +
        'mesh: production accepts connections between parts without TLS, since a service mesh encrypts and authenticates them.',
    }),
  ),
  NODE_TLS_REJECT_UNAUTHORIZED: Type.Optional(
    Type.String({ description: "Node's own variable: 0 accepts any certificate, which production refuses." }),
  ),
  NATS_URL: Urls('nats|tls', {
    description: 'Broker; tls:// requires TLS. For a cluster: some of its servers, comma-separated.',
  }),
  NATS_CA_FILE: Type.Optional(
    Type.String({
      description: "PEM file of the authority that signed the broker's certificate, if it is not a public one.",
    }),
  ),
  NATS_NKEY_FILE: Type.Optional(Type.String({ description: 'File with the NKey seed for the broker.' })),
  NATS_CREDENTIALS_FILE: Type.Optional(
    Type.String({ description: 'File with the user JWT and seed (.creds) for the broker.' }),
  ),
  NATS_USER: Type.Optional(Type.String({ description: 'User name at the broker, with NATS_PASSWORD.' })),
  NATS_PASSWORD: Type.Optional(Type.String({ description: 'Password at the broker, with NATS_USER.' })),
  REKEY_STREAM_REPLICAS: Type.Integer({
    minimum: 1,
    maximum: 5,
    default: 1,
    description: 'Replicas of each stream. Used where streams are created: in production by npm run streams.',
  }),
  REKEY_EVENT_RETRY_HOURS: Type.Integer({
    minimum: 1,
    maximum: 168,
    default: 24,
    description:
      'How long an event that cannot be handled or published is retried, in hours; then it becomes a dead letter.',
  }),
  REKEY_DRAIN_SECONDS: Type.Optional(
    Type.Integer({
      minimum: 0,
      maximum: 60,
      description:
        'How long a service that is stopping still serves while its /readyz is 503, in seconds. ' +
        'Not set: 5 in production, 0 in the sandbox.',
    }),
  ),
  REKEY_METRICS_PORT: Type.Optional(
    Type.Integer({
      minimum: 1,
      maximum: 65_535,
      description: 'Port of GET /metrics (Prometheus). Not set: no metrics are served.',
    }),
  ),
  REKEY_METRICS_HOST: Type.String({
    default: '127.0.0.1',
    description: 'Address that /metrics listens on, independent of HOST: metrics are not public.',
  }),
  REKEY_REVISION: Type.String({
    pattern: '^([0-9a-f]{7,64}|unknown)$',
    default: 'unknown',
    description: 'Commit that the program was built of, for rekey_build_info. Images set it.',
  }),
  REKEY_SECRETS_FILE: Type.Optional(
    Type.String({
      description: 'File with further variables (dotenv form), for secrets that must not be in the environment.',
    }),
  ),
  ...tracingEnv,
}

const serviceSchema = Type.Object(serviceEnv)
export type ServiceConfig = Static<typeof serviceSchema>

/** True if each request leaves a line in the log. */
export const logsRequests = ({
  REKEY_REQUEST_LOG,
  REKEY_PROFILE,
}: Pick<ServiceConfig, 'REKEY_PROFILE'> & { REKEY_REQUEST_LOG?: boolean }): boolean =>
  REKEY_REQUEST_LOG ?? REKEY_PROFILE === 'sandbox'

/** Name of the platform. */
export const brand = Type.String({
  pattern: '^[^\\p{C}]{1,60}$',
  default: 'Rekey',
  description: 'Name of the platform in pages and messages. Passwords must not consist of it.',
})

/** What people read and see: shared by the pages and the messages. */
export const presentationEnv = {
  REKEY_BRAND: brand,
  REKEY_CONTACT: Type.String({
    pattern: '^[^\\p{C}]{1,200}$',
    default: '+44 20 7946 0000',
    description: 'Whom customers call: a phone number, for pages and messages. Production requires one of its own.',
  }),
  REKEY_THEME_DIR: Type.Optional(
    Type.String({ description: "Folder with the platform's own texts, colours, logo, font and links." }),
  ),
}

/** Origin of the gateway for its clients: the issuer of tokens, and the base of links. */
export const publicUrl = Type.String({
  format: 'url',
  pattern: '^https?://[^\\s/]+$',
  description: 'Public origin of the gateway, without a path: issuer of tokens and base of links.',
})

/** A configuration that is refused, with every error. */
export class ConfigError extends Error {
  readonly errors: readonly string[]

  constructor(errors: string[]) {
    super(`Configuration refused:\n${errors.map((error) => `  ${error}`).join('\n')}`)
    this.name = 'ConfigError'
    this.errors = errors
  }
}

const allowed = ({ enum: values, minimum, maximum, format }: TSchema): string => {
  if (values) return ` Allowed: ${values.join(', ')}.`
  if (format === 'networks') return ' Each item is an address, or a network such as 10.0.0.0/8.'
  if (format === 'keys') return ' No id and no key may be given more than once.'
  if (format) return ' A URL: percent-encode : / ? # @ , and % in its user name and password.'
  return minimum === undefined ? '' : ` Allowed: ${minimum} to ${maximum}.`
}

const describeError = (schema: TSchema | undefined, name: string, value: unknown): string => {
  const description = schema?.description ?? ''
  if (value === undefined) return `${name} is missing. ${description}`
  return `${name} is not valid. ${description}${schema ? allowed(schema) : ''}`
}

type Environment = Record<string, string | undefined>

/** The valid part of a configuration, and the errors of the rest. */
export interface ReadConfig<T extends TObject> {
  config: Partial<Static<T>>
  errors: string[]
}

/**
 * Reads a configuration from environment variables and from the file that REKEY_SECRETS_FILE names. An empty variable
 * counts as not set. Errors never repeat a value, which may be a secret.
 */
export const readConfig = <T extends TObject>(schema: T, env: Environment): ReadConfig<T> => {
  const { secrets, errors } = readSecrets(env.REKEY_SECRETS_FILE)
  const picked: Record<string, unknown> = {}
  for (const name of Object.keys(schema.properties)) {
    const value = env[name] || secrets[name]
    if (value) picked[name] = value
  }
  for (const { field } of coerce(schema, picked)) {
    errors.push(describeError(schema.properties[field], field, picked[field]))
    delete picked[field]
  }
  return { config: picked as Partial<Static<T>>, errors }
}

/** Reads a configuration as `readConfig` does. @throws ConfigError with every error */
export const loadConfig = <T extends TObject>(schema: T, env: Environment): Static<T> => {
  const { config, errors } = readConfig(schema, env)
  if (errors.length > 0) throw new ConfigError(errors)
  return config as Static<T>
}

/** The errors of a check that throws ConfigError; none if it succeeds. */
export const configurationErrors = (check: () => unknown): readonly string[] => {
  try {
    check()
    return []
  } catch (error) {
    if (error instanceof ConfigError) return error.errors
    throw error
  }
}

/**
 * Makes a parser of a configuration file in JSON. Errors never repeat a value.
 *
 * @returns a function that throws ConfigError with every error and its place in the file
 */
export const fileParser = <T extends TSchema>(variable: string, schema: T): ((text: string) => Static<T>) => {
  const errorsOf = compileValidationErrors(schema)
  return (text) => {
    let value: unknown
    try {
      value = JSON.parse(text)
    } catch {
      throw new ConfigError([`${variable} cannot be read: it is not JSON`])
    }
    const errors = errorsOf(value)
    if (errors.length > 0) throw new ConfigError(errors.map((error) => `${variable} ${error}`))
    return value as Static<T>
  }
}

const readSecrets = (path: string | undefined): { secrets: NodeJS.Dict<string>; errors: string[] } => {
  if (!path) return { secrets: {}, errors: [] }
  try {
    return { secrets: parseEnv(readFileSync(path, 'utf8')), errors: [] }
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code ?? 'it is not text'
    return { secrets: {}, errors: [`REKEY_SECRETS_FILE cannot be read: ${code}`] }
  }
}
