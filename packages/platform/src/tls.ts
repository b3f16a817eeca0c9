import type { SecureContextOptions } from 'node:tls'
import type { Role } from './certificates.ts'
import { ConfigError } from './config.ts'
import type { Logger } from './logger.ts'
import { gauge, type Metrics } from './metrics.ts'
import { createPartFetch, type Fetch } from './part-fetch.ts'
import type { TlsSettings } from './tls-env.ts'
import { minVersion, parseTls, type TlsMaterial, tlsErrors, tlsFiles, tlsRoles } from './tls-settings.ts'
import { type WatchedFile, watchFiles } from './watched-file.ts'

interface Deps {
  log: Logger
  metrics: Metrics
}

/** The TLS of a service's own listener. */
export interface ListenerTls {
  /** True if a client certificate is demanded for all but probes. */
  demandsCertificate: boolean
  /** The certificate, key and authorities of the last valid version. */
  options(): SecureContextOptions
  /** Calls back with each new version. */
  onReload(apply: () => void): void
}

export interface Tls {
  /** Undefined: the service listens without TLS. */
  listener: ListenerTls | undefined
  /** The context of connections to the other service; undefined: Node's own. */
  context: (() => TlsMaterial['context']) | undefined
  /** Sends a request to the other service. */
  fetch: Fetch
  close(): Promise<void>
}

/** A version that is not valid yet becomes it without a change of its file. */
const isTimed = true

const watch = (
  role: Role,
  config: TlsSettings,
  log: Logger,
  onReload: () => void,
): WatchedFile<TlsMaterial> | undefined => {
  const files = tlsFiles(config, role)
  const [first] = files
  if (!first) return undefined
  const parse = (texts: readonly string[]) => parseTls(role, files, texts)
  return watchFiles({ variable: first.variable, files, parse, log, onReload, isTimed })
}

const measureExpiry = (metrics: Metrics, inUse: () => { server?: number; client?: number; ca?: number }): void => {
  const names = ['server', 'client', 'ca'] as const
  gauge(metrics, {
    name: 'rekey_certificate_expiry_timestamp_seconds',
    help:
      'When the certificates in use expire, the first of each chain or bundle: server, of REKEY_TLS_CERT; client, of ' +
      'REKEY_TLS_CLIENT_CERT; ca, of REKEY_TLS_CLIENT_CA and REKEY_TLS_CA. Missing for those that are not configured',
    labels: { certificate: names },
    collect() {
      const found = inUse()
      for (const certificate of names) {
        const seconds = found[certificate]
        if (seconds !== undefined) this.set({ certificate }, seconds)
      }
    },
  })
}

/**
 * Reads the certificates, keys and authorities of a service, and reads them again when their files change. A version that
 * is expired, not yet valid, incomplete or does not match is refused with a line in the log; the earlier one stays.
 *
 * @throws ConfigError with every error of the first version
 */
export const createTls = (config: TlsSettings, { log, metrics }: Deps): Tls => {
  const errors = tlsErrors(config)
  if (errors.length > 0) throw new ConfigError([...errors])
  const appliers: (() => void)[] = []
  const server = watch('server', config, log, () => {
    for (const apply of appliers) apply()
  })
  const client = watch('client', config, log, () => {})

  measureExpiry(metrics, () => {
    const [own, other] = [server?.current().expiry, client?.current().expiry]
    const authorities = [own?.ca, other?.ca].filter((seconds) => seconds !== undefined)
    return {
      ...(own?.own !== undefined && { server: own.own }),
      ...(other?.own !== undefined && { client: other.own }),
      ...(authorities.length > 0 && { ca: Math.min(...authorities) }),
    }
  })

  const context = client && (() => client.current().context)
  return {
    listener: server && {
      demandsCertificate: config[tlsRoles.server.ca] !== undefined,
      options: () => ({ ...server.current().pem, minVersion }),
      onReload: (apply) => void appliers.push(apply),
    },
    context,
    fetch: context ? createPartFetch(context) : (url, init) => fetch(url, init),
    async close() {
      await server?.close()
      await client?.close()
    },
  }
}
