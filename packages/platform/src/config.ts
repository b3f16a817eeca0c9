import { readFileSync } from 'node:fs'
import { parseEnv } from 'node:util'
import { OneOf } from '@rekey/contracts'
import { type Static, type TObject, type TSchema, Type } from '@sinclair/typebox'
import { coerce, compileFaults } from './validation.ts'

/** 256 bits in base64url: what every HMAC and sealing key is. */
export const Key = (description: string) =>
  Type.String({ pattern: '^[A-Za-z0-9_-]{43}$', description: `${description} 32 random bytes in base64url.` })

interface UrlOptions {
  description: string
  default?: string
}

export const Url = (protocols: string, options: UrlOptions) =>
  Type.String({ format: 'url', pattern: `^(${protocols})://[^\\s]+$`, ...options })

/** Several, comma-separated: servers of a cluster. */
export const Urls = (protocols: string, options: UrlOptions) => ({ ...Url(protocols, options), format: 'urls' })

export const Flag = (options: { description: string; default?: boolean }) => Type.Boolean(options)

/** What every service reads. */
export const serviceEnv = {
  REKEY_PROFILE: OneOf(['sandbox', 'production'], {
    description: 'sandbox: everything on one machine, lenient; production: strict.',
  }),
  HOST: Type.String({ default: '127.0.0.1', description: 'Address to listen on.' }),
  PORT: Type.Integer({ minimum: 0, maximum: 65_535, description: 'Port to listen on.' }),
  LOG_LEVEL: OneOf(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'], {
    default: 'info',
    description: 'Least severity that is logged.',
  }),
  REKEY_ALLOW_PLAINTEXT: Type.Optional(
    OneOf(['loopback'], {
      description:
        'loopback: production takes NATS, Postgres and Redis on this machine without TLS and without credentials.',
    }),
  ),
  NODE_TLS_REJECT_UNAUTHORIZED: Type.Optional(
    Type.String({ description: "Node's own: 0 takes any certificate, which production refuses." }),
  ),
  NATS_URL: Urls('nats|tls', {
    description: 'Broker; tls:// insists on TLS. Of a cluster: some of its servers, comma-separated.',
  }),
  NATS_CA_FILE: Type.Optional(
    Type.String({
      description: "PEM file of the authority that signed the broker's certificate, where it is not public.",
    }),
  ),
  NATS_NKEY_FILE: Type.Optional(Type.String({ description: 'File of the NKey seed that opens the broker.' })),
  NATS_CREDENTIALS_FILE: Type.Optional(
    Type.String({ description: 'File of the user JWT and seed (.creds) that opens the broker.' }),
  ),
  NATS_USER: Type.Optional(Type.String({ description: 'User name at the broker, with NATS_PASSWORD.' })),
  NATS_PASSWORD: Type.Optional(Type.String({ description: 'Password at the broker, with NATS_USER.' })),
  REKEY_STREAM_REPLICAS: Type.Integer({
    minimum: 1,
    maximum: 5,
    default: 1,
    description: 'Copies of each stream that the broker keeps, for whoever makes them: in production npm run streams.',
  }),
  REKEY_EVENT_RETRY_HOURS: Type.Integer({
    minimum: 1,
    maximum: 168,
    default: 24,
    description:
      'How long an event is tried again whose handling or publishing fails, in hours; then it becomes a dead letter.',
  }),
  REKEY_DRAIN_SECONDS: Type.Optional(
    Type.Integer({
      minimum: 0,
      maximum: 60,
      description:
        'How long a service that is being stopped still serves while its /readyz sends traffic elsewhere, in seconds. ' +
        'Not set: 5 in production, 0 in the sandbox.',
    }),
  ),
  REKEY_METRICS_PORT: Type.Optional(
    Type.Integer({
      minimum: 1,
      maximum: 65_535,
      description: 'Port of GET /metrics, in the form of Prometheus. Not set: none is served.',
    }),
  ),
  REKEY_METRICS_HOST: Type.String({
    default: '127.0.0.1',
    description: 'Address that /metrics is served at, whatever HOST is: it is not for everybody.',
  }),
  REKEY_SECRETS_FILE: Type.Optional(
    Type.String({
      description: 'File of further variables (dotenv form), for secrets that must not stand in the environment.',
    }),
  ),
}

const serviceSchema = Type.Object(serviceEnv)
export type ServiceConfig = Static<typeof serviceSchema>

/** What the platform is called. */
export const brand = Type.String({
  pattern: '^[^\\p{C}]{1,60}$',
  default: 'Rekey',
  description: 'Name by which pages and messages call the platform. No password may be made of it.',
})

/** Addresses or networks whose `X-Forwarded-For` is believed. */
export const trustedProxies = Type.String({
  pattern: '^\\s*([0-9A-Fa-f:.]+(/\\d{1,3})?\\s*(,\\s*|$))*$',
  default: '',
  description: 'Addresses or CIDR networks, comma-separated, whose X-Forwarded-For is believed. Empty: none.',
})

export const toProxyList = (value: string): string[] => value.split(',').flatMap((item) => item.trim() || [])

/** Every fault of a configuration, one a line. */
export class ConfigError extends Error {
  readonly faults: readonly string[]

  constructor(faults: string[]) {
    super(`Configuration refused:\n${faults.map((fault) => `  ${fault}`).join('\n')}`)
    this.name = 'ConfigError'
    this.faults = faults
  }
}

const allowed = ({ enum: values, minimum, maximum, format }: TSchema): string => {
  if (values) return ` Allowed: ${values.join(', ')}.`
  if (format) return ' A URL: of its user name and password, : / ? # @ , and % are percent-encoded.'
  return minimum === undefined ? '' : ` Allowed: ${minimum} to ${maximum}.`
}

const describeFault = (schema: TSchema | undefined, name: string, value: unknown): string => {
  const what = schema?.description ?? ''
  if (value === undefined) return `${name} is missing. ${what}`
  return `${name} is not valid. ${what}${schema ? allowed(schema) : ''}`
}

type Environment = Record<string, string | undefined>

/** A configuration as far as it is sound, and what is wrong with the rest of it. */
export interface ReadConfig<T extends TObject> {
  config: Partial<Static<T>>
  faults: string[]
}

/**
 * Reads a configuration from environment variables and from the file that REKEY_SECRETS_FILE names. An empty variable
 * counts as not set. Values are never repeated in a fault: one of them may be a secret.
 */
export const readConfig = <T extends TObject>(schema: T, env: Environment): ReadConfig<T> => {
  const { secrets, faults } = readSecrets(env.REKEY_SECRETS_FILE)
  const picked: Record<string, unknown> = {}
  for (const name of Object.keys(schema.properties)) {
    const value = env[name] || secrets[name]
    if (value) picked[name] = value
  }
  for (const { field } of coerce(schema, picked)) {
    faults.push(describeFault(schema.properties[field], field, picked[field]))
    delete picked[field]
  }
  return { config: picked as Partial<Static<T>>, faults }
}

/**
 * The same of a configuration that has no faults.
 *
 * @throws ConfigError naming every fault at once.
 */
export const loadConfig = <T extends TObject>(schema: T, env: Environment): Static<T> => {
  const { config, faults } = readConfig(schema, env)
  if (faults.length > 0) throw new ConfigError(faults)
  return config as Static<T>
}

/** What a check that throws ConfigError finds wrong. */
export const faultsOf = (check: () => unknown): readonly string[] => {
  try {
    check()
    return []
  } catch (error) {
    if (error instanceof ConfigError) return error.faults
    throw error
  }
}

/**
 * A reader of a configuration's file, which is JSON. Values are not repeated in a fault here either.
 *
 * @returns a function that throws ConfigError naming every fault, each with its place in the file
 */
export const fileParser = <T extends TSchema>(variable: string, schema: T): ((text: string) => Static<T>) => {
  const faultsOf = compileFaults(schema)
  return (text) => {
    let value: unknown
    try {
      value = JSON.parse(text)
    } catch {
      throw new ConfigError([`${variable} cannot be read: it is not JSON`])
    }
    const faults = faultsOf(value)
    if (faults.length > 0) throw new ConfigError(faults.map((fault) => `${variable} ${fault}`))
    return value as Static<T>
  }
}

const readSecrets = (path: string | undefined): { secrets: NodeJS.Dict<string>; faults: string[] } => {
  if (!path) return { secrets: {}, faults: [] }
  try {
    return { secrets: parseEnv(readFileSync(path, 'utf8')), faults: [] }
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code ?? 'it is no text'
    return { secrets: {}, faults: [`REKEY_SECRETS_FILE cannot be read: ${code}`] }
  }
}
