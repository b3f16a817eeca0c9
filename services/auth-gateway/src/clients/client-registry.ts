import { createHash, timingSafeEqual } from 'node:crypto'
import { RekeyError, type SigningAlgorithm } from '@rekey/contracts'
import { ConfigError, configurationErrors } from '@rekey/platform/config'
import type { Logger } from '@rekey/platform/logger'
import { readOnce, watchFile } from '@rekey/platform/watched-file'
import { isSameRedirect } from './redirect-uri.ts'
import {
  type Client,
  digestsOf,
  parseRegistry,
  productionParser,
  type Registry,
  sandboxRegistry,
  variable,
} from './registry-file.ts'

/** Configuration errors of a registry file in production. */
export const clientsErrors = (
  path: string | undefined,
  defaultClientId: string | undefined,
  fourEyes = false,
): readonly string[] =>
  path === undefined
    ? [`${variable} is missing. Production does not run with the demo registry.`]
    : configurationErrors(() => readOnce({ variable, path, parse: productionParser(defaultClientId, fourEyes) }))

interface Source {
  path: string | undefined
  profile: 'sandbox' | 'production'
  /** In production: must be in the file, with the scope of restores. */
  defaultClientId?: string | undefined
  /** In production: each client of the back office must have an owner. */
  fourEyes?: boolean
  /** True if there is a key of the algorithm. */
  signsWith(algorithm: SigningAlgorithm): boolean
  log: Logger
}

/** Refuses a client whose tokens could not be signed: it would fail after its codes were spent. @throws ConfigError */
const checkAlgorithms = (registry: Registry, signsWith: Source['signsWith']): Registry => {
  const errors = [...registry.byId.values()].flatMap(({ client_id, token_signing_alg: algorithm }) =>
    algorithm === undefined || signsWith(algorithm)
      ? []
      : [
          `${variable} ${client_id}/token_signing_alg: there is no ${algorithm} key. Run npm run keys -- rotate DIR --alg ${algorithm}`,
        ],
  )
  if (errors.length > 0) throw new ConfigError(errors)
  return registry
}

/** A page that a developer serves from this machine, on any port. */
const isDevelopmentOrigin = (origin: string): boolean =>
  /^http:\/\/(localhost|127\.0\.0\.1|\[::1\])(:\d{1,5})?$/.test(origin)

/** Without a path the sandbox uses its own file, which does not change. */
const openRegistry = ({ path, profile, defaultClientId, fourEyes, signsWith, log }: Source) => {
  if (path !== undefined) {
    const parseFile = profile === 'production' ? productionParser(defaultClientId, fourEyes) : parseRegistry
    const parse = (text: string) => checkAlgorithms(parseFile(text), signsWith)
    return watchFile({ variable, path, parse, log })
  }
  if (profile === 'production') throw new ConfigError([...clientsErrors(path, defaultClientId, fourEyes)])
  return { current: () => sandboxRegistry, close: async () => {} }
}

/**
 * The registry of OAuth clients: one validated file, read again when it changes. Each request uses one whole version. A
 * version with errors is rejected, and the previous version stays in use.
 *
 * @throws ConfigError that lists every error
 */
export const loadClientRegistry = (source: Source) => {
  const registry = openRegistry(source)
  const find = (clientId: string): Client | undefined => registry.current().byId.get(clientId)
  return {
    find,

    /**
     * Finds the client that may redirect a customer to this URI.
     *
     * @throws RekeyError access_denied if the client or the URI is not registered
     */
    forRedirect(clientId: string, redirectUri: string): Client {
      const client = find(clientId)
      if (!client?.redirect_uris.some((uri) => isSameRedirect(uri, redirectUri))) throw new RekeyError('access_denied')
      return client
    },

    /**
     * Authenticates a confidential client.
     *
     * @throws RekeyError invalid_client (RFC 6749 §5.2): the same for an unknown client and for a wrong secret
     */
    authenticate(clientId: string, secret: string): Client {
      const client = find(clientId)
      const submitted = createHash('sha256').update(secret).digest()
      const registered = client ? digestsOf(client).map((digest) => Buffer.from(digest, 'hex')) : []
      if (!client || !registered.some((digest) => timingSafeEqual(digest, submitted))) {
        throw new RekeyError('invalid_client')
      }
      return client
    },

    /** True for the origin of a page that may call the gateway: a registered one, and in the sandbox this machine's. */
    allowsOrigin: (origin: string): boolean =>
      registry.current().origins.has(origin) || (source.profile === 'sandbox' && isDevelopmentOrigin(origin)),

    /** Stops watching the file. */
    close: registry.close,
  }
}

export type ClientRegistry = ReturnType<typeof loadClientRegistry>
