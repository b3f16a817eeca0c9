import { createSecureContext, type SecureContext } from 'node:tls'
import {
  firstExpirySeconds,
  type PemFile,
  privateKeyErrors,
  type Role,
  readAuthorities,
  readChain,
} from './certificates.ts'
import { ConfigError, configurationErrors } from './config.ts'
import type { TlsSettings } from './tls-env.ts'
import { readTexts } from './watched-file.ts'

type FileVariable = Exclude<keyof TlsSettings, `${string}_URL`>
type Variables = Record<'cert' | 'key' | 'ca', FileVariable>

/** A certificate with its key, and the authorities of the other side's: for the listener, and for requests to the other service. */
export const tlsRoles: Readonly<Record<Role, Variables>> = {
  server: { cert: 'REKEY_TLS_CERT', key: 'REKEY_TLS_KEY', ca: 'REKEY_TLS_CLIENT_CA' },
  client: { cert: 'REKEY_TLS_CLIENT_CERT', key: 'REKEY_TLS_CLIENT_KEY', ca: 'REKEY_TLS_CA' },
}

/** The texts of the files, as Node's TLS takes them. */
interface Pem {
  cert?: string
  key?: string
  ca?: string
}

/** One version of the files of a role. */
export interface TlsMaterial {
  pem: Pem
  /** Made of the texts once: it costs more than a handshake. */
  context: SecureContext
  /** When the first certificate expires, in seconds since 1970. */
  expiry: { own?: number; ca?: number }
}

/** Lower versions are deprecated (RFC 8996). Node's own option could allow them. */
export const minVersion = 'TLSv1.2'

const urlNames = ['REKEY_PASSWORD_SERVICE_URL', 'REKEY_JWKS_URL'] as const

/** Errors of these variables together: half of a pair, and files that nothing would use. */
const combinationErrors = (settings: TlsSettings): string[] => {
  const requires = (name: FileVariable, needed: FileVariable) =>
    settings[name] !== undefined && settings[needed] === undefined ? [`${needed} is missing: ${name} requires it.`] : []
  const { server, client } = tlsRoles
  const unused = [client.cert, client.ca].filter((name) => settings[name] !== undefined)
  return [
    ...new Set([
      ...[server, client].flatMap(({ cert, key }) => [...requires(cert, key), ...requires(key, cert)]),
      ...requires(server.ca, server.cert),
      // The framework then listens twice, and a new certificate would reach one of the two.
      ...(settings[server.cert] !== undefined && settings.HOST?.toLowerCase() === 'localhost'
        ? ['HOST is localhost: with REKEY_TLS_CERT name an address, such as 127.0.0.1.']
        : []),
      ...unused.flatMap((name) =>
        urlNames
          .filter((url) => settings[url]?.startsWith('http:'))
          .map((url) => `${url} is http://: with ${name} it must be https://.`),
      ),
    ]),
  ]
}

interface NamedFile {
  variable: FileVariable
  path: string
}

/** The files of a role that are configured, in the order cert, key, ca. */
export const tlsFiles = (settings: TlsSettings, role: Role): NamedFile[] => {
  const { cert, key, ca } = tlsRoles[role]
  return [cert, key, ca].flatMap((variable) => {
    const path = settings[variable]
    return path === undefined ? [] : [{ variable, path }]
  })
}

/** @throws ConfigError with the reason why OpenSSL refuses files that were read, such as a weak key or signature */
const createContext = (variable: FileVariable, pem: Pem): SecureContext => {
  try {
    return createSecureContext({ ...pem, minVersion })
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    throw new ConfigError([`${variable} cannot be used for TLS: ${code ?? message}.`])
  }
}

/**
 * Reads the files of a role. Dates are compared with the clock of the machine, as OpenSSL does.
 *
 * @param texts in the order of `files`
 * @throws ConfigError with every error
 */
export const parseTls = (role: Role, files: readonly NamedFile[], texts: readonly string[]): TlsMaterial => {
  const names = tlsRoles[role]
  const now = Date.now()
  const find = (variable: FileVariable): PemFile | undefined => {
    const at = files.findIndex((one) => one.variable === variable)
    return at < 0 ? undefined : { variable, text: texts[at] ?? '' }
  }
  const [cert, key, ca] = [find(names.cert), find(names.key), find(names.ca)]
  const chain = cert && readChain(cert, role, now)
  const authorities = ca && readAuthorities(ca, now)
  const errors = [
    ...(chain?.errors ?? []),
    ...(key ? privateKeyErrors(key, chain?.certificates[0], names.cert) : []),
    ...(authorities?.errors ?? []),
  ]
  if (errors.length > 0) throw new ConfigError(errors)
  const pem = { ...(cert && { cert: cert.text }), ...(key && { key: key.text }), ...(ca && { ca: ca.text }) }
  return {
    pem,
    context: createContext(cert ? names.cert : names.ca, pem),
    expiry: {
      ...(chain && { own: firstExpirySeconds(chain.certificates) }),
      ...(authorities && { ca: firstExpirySeconds(authorities.certificates) }),
    },
  }
}

/** Errors of the variables of TLS together, and of the files that they name. */
export const tlsErrors = (settings: TlsSettings): readonly string[] => {
  const errors = combinationErrors(settings)
  if (errors.length > 0) return errors
  return (['server', 'client'] as const).flatMap((role) =>
    configurationErrors(() => {
      const files = tlsFiles(settings, role)
      if (files.length > 0) parseTls(role, files, readTexts(files))
    }),
  )
}
