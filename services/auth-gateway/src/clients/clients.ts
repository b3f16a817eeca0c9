import { createHash, timingSafeEqual } from 'node:crypto'
import { RekeyError } from '@rekey/contracts'
import { ConfigError, configurationErrors } from '@rekey/platform/config'
import type { Logger } from '@rekey/platform/logger'
import { readOnce, watchFile } from '@rekey/platform/watched-file'
import { type Client, parseRegistry, productionParser, sandboxRegistry, variable } from './registry.ts'

export interface Clients {
  find(clientId: string): Client | undefined
  /**
   * Who may send a customer to this address.
   *
   * @throws RekeyError access_denied for a client or redirect URI that is not registered (exact match: RFC 9700 §2.1)
   */
  forRedirect(clientId: string, redirectUri: string): Client
  /**
   * Proves a confidential client.
   *
   * @throws RekeyError invalid_client (RFC 6749 §5.2): one answer for an unknown client and a wrong secret
   */
  authenticate(clientId: string, secret: string): Client
  allowsOrigin(origin: string): boolean
  /** Reads the file no more. */
  close(): Promise<void>
}

/** What production does not take of a registry's file. */
export const clientsFaults = (path: string | undefined, defaultClientId: string | undefined): readonly string[] =>
  path === undefined
    ? [`${variable} is missing. Production does not run with the demo registry.`]
    : configurationErrors(() => readOnce({ variable, path, parse: productionParser(defaultClientId) }))

interface Source {
  path: string | undefined
  profile: 'sandbox' | 'production'
  /** Must be there, and may restore: in production. */
  defaultClientId?: string | undefined
  log: Logger
}

/** The sandbox brings its own file, which does not change. */
const openRegistry = ({ path, profile, defaultClientId, log }: Source) => {
  if (path !== undefined) {
    const parse = profile === 'production' ? productionParser(defaultClientId) : parseRegistry
    return watchFile({ variable, path, parse, log })
  }
  if (profile === 'production') throw new ConfigError([...clientsFaults(path, defaultClientId)])
  return { current: () => sandboxRegistry, close: async () => {} }
}

/**
 * The registry of OAuth clients, from one validated file that is read again when it changes. A request sees one
 * version or the next, whole; a version with faults is refused and the one before stays.
 *
 * @throws ConfigError naming every fault
 */
export const loadClients = (source: Source): Clients => {
  const registry = openRegistry(source)
  const find = (clientId: string) => registry.current().byId.get(clientId)
  return {
    find,
    forRedirect(clientId, redirectUri) {
      const client = find(clientId)
      if (!client?.redirect_uris.includes(redirectUri)) throw new RekeyError('access_denied')
      return client
    },
    authenticate(clientId, secret) {
      const client = find(clientId)
      const sent = createHash('sha256').update(secret).digest()
      const kept = Buffer.from(client?.secret_sha256 ?? '', 'hex')
      if (!client || kept.length !== sent.length || !timingSafeEqual(kept, sent)) throw new RekeyError('invalid_client')
      return client
    },
    allowsOrigin: (origin) => registry.current().origins.has(origin),
    close: registry.close,
  }
}
