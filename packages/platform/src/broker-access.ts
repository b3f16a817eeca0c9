import { readFileSync } from 'node:fs'
import { type Authenticator, type ConnectionOptions, credsAuthenticator, nkeyAuthenticator } from 'nats'
import { ConfigError, configurationErrors, type ServiceConfig } from './config.ts'

/** Address of the broker, and the credentials for it. */
export type BrokerAccess = Pick<ConnectionOptions, 'tls' | 'authenticator' | 'user' | 'pass'> & {
  /** One server, or several of one cluster, comma-separated. */
  url: string
}

type Settings = Partial<
  Pick<
    ServiceConfig,
    'NATS_URL' | 'NATS_CA_FILE' | 'NATS_NKEY_FILE' | 'NATS_CREDENTIALS_FILE' | 'NATS_USER' | 'NATS_PASSWORD'
  >
>

/** @throws ConfigError */
const readText = (variable: keyof Settings, path: string): string => {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    throw new ConfigError([`${variable} cannot be read: ${(error as NodeJS.ErrnoException).code}`])
  }
}

/** Signs once to validate the file. @throws ConfigError without the content of the file */
const validated = (variable: keyof Settings, authenticator: Authenticator) => {
  try {
    authenticator('nonce')
    return { authenticator }
  } catch (error) {
    throw error instanceof ConfigError
      ? error
      : new ConfigError([`${variable} names a file that does not contain valid credentials.`])
  }
}

const byPassword = ({ NATS_USER: user, NATS_PASSWORD: pass }: Settings) => {
  if (user !== undefined && pass !== undefined) return { user, pass }
  throw new ConfigError([
    user === undefined
      ? 'NATS_USER is missing: NATS_PASSWORD requires it.'
      : 'NATS_PASSWORD is missing: NATS_USER requires it.',
  ])
}

// The file is read at each connection, so that credentials can be replaced while the service runs.
const byNKey = (path: string) =>
  validated(
    'NATS_NKEY_FILE',
    nkeyAuthenticator(() => Buffer.from(readText('NATS_NKEY_FILE', path).trim())),
  )

const byCredentials = (path: string) =>
  validated(
    'NATS_CREDENTIALS_FILE',
    credsAuthenticator(() => Buffer.from(readText('NATS_CREDENTIALS_FILE', path))),
  )

const identify = (settings: Settings) => {
  const { NATS_USER, NATS_PASSWORD, NATS_NKEY_FILE, NATS_CREDENTIALS_FILE } = settings
  const ways = [
    ...(NATS_USER !== undefined || NATS_PASSWORD !== undefined ? [() => byPassword(settings)] : []),
    ...(NATS_NKEY_FILE !== undefined ? [() => byNKey(NATS_NKEY_FILE)] : []),
    ...(NATS_CREDENTIALS_FILE !== undefined ? [() => byCredentials(NATS_CREDENTIALS_FILE)] : []),
  ]
  if (ways.length > 1) {
    throw new ConfigError(['NATS_USER, NATS_NKEY_FILE and NATS_CREDENTIALS_FILE: only one of them can be used.'])
  }
  return ways[0]?.()
}

/** True if the service authenticates to the broker. */
export const hasBrokerCredentials = ({ NATS_USER, NATS_NKEY_FILE, NATS_CREDENTIALS_FILE }: Settings): boolean =>
  [NATS_USER, NATS_NKEY_FILE, NATS_CREDENTIALS_FILE].some((value) => value !== undefined)

/**
 * Reads the address of the broker and the credentials (password, NKey or credentials file). TLS is on if the URL begins
 * with tls:// or NATS_CA_FILE is set.
 *
 * @throws ConfigError if credentials are incomplete, of several kinds, or cannot be read
 */
export const brokerAccess = (settings: Settings & { NATS_URL: string }): BrokerAccess => {
  const { NATS_URL: url, NATS_CA_FILE: caFile } = settings
  const ca = caFile === undefined ? {} : { ca: readText('NATS_CA_FILE', caFile) }
  const tls = url.startsWith('tls:') || caFile !== undefined ? { tls: ca } : {}
  return { url, ...tls, ...identify(settings) }
}

/** Errors of these variables together, and of the files that they name. */
export const brokerAccessErrors = (settings: Settings): readonly string[] =>
  configurationErrors(() => brokerAccess({ NATS_URL: '', ...settings }))
