import { readFileSync } from 'node:fs'
import { type Authenticator, type ConnectionOptions, credsAuthenticator, nkeyAuthenticator } from 'nats'
import { ConfigError, faultsOf, type ServiceConfig } from './config.ts'

/** How the broker is reached, and as whom. */
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

/** Signs as it will at a connection. @throws ConfigError: what is in the file is not told */
const tried = (variable: keyof Settings, authenticator: Authenticator) => {
  try {
    authenticator('nonce')
    return { authenticator }
  } catch (error) {
    throw error instanceof ConfigError ? error : new ConfigError([`${variable} does not hold what it should.`])
  }
}

const byPassword = ({ NATS_USER: user, NATS_PASSWORD: pass }: Settings) => {
  if (user !== undefined && pass !== undefined) return { user, pass }
  throw new ConfigError([
    user === undefined
      ? 'NATS_USER is missing. It is needed beside NATS_PASSWORD.'
      : 'NATS_PASSWORD is missing. It is needed beside NATS_USER.',
  ])
}

// A file is read again at each connection: credentials may be replaced while the service runs.
const byNKey = (path: string) =>
  tried(
    'NATS_NKEY_FILE',
    nkeyAuthenticator(() => Buffer.from(readText('NATS_NKEY_FILE', path).trim())),
  )

const byCredentials = (path: string) =>
  tried(
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

/** Whether a service shows the broker who it is. */
export const hasBrokerCredentials = ({ NATS_USER, NATS_NKEY_FILE, NATS_CREDENTIALS_FILE }: Settings): boolean =>
  [NATS_USER, NATS_NKEY_FILE, NATS_CREDENTIALS_FILE].some((value) => value !== undefined)

/**
 * Reads how to reach the broker: with TLS where the URL says tls:// or an authority is named, and by password, NKey or
 * credentials file.
 *
 * @throws ConfigError where credentials are incomplete, of several kinds, or cannot be read
 */
export const brokerAccess = (settings: Settings & { NATS_URL: string }): BrokerAccess => {
  const { NATS_URL: url, NATS_CA_FILE: caFile } = settings
  const ca = caFile === undefined ? {} : { ca: readText('NATS_CA_FILE', caFile) }
  const tls = url.startsWith('tls:') || caFile !== undefined ? { tls: ca } : {}
  return { url, ...tls, ...identify(settings) }
}

/** What is wrong with these variables together, and with the files that they name. */
export const brokerAccessFaults = (settings: Settings): readonly string[] =>
  faultsOf(() => brokerAccess({ NATS_URL: '', ...settings }))
