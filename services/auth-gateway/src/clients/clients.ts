import { createHash, timingSafeEqual } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { RekeyError } from '@rekey/contracts'
import { ConfigError } from '@rekey/platform/config'
import { type Static, Type } from '@sinclair/typebox'
import { Value } from '@sinclair/typebox/value'

const Client = Type.Object({
  client_id: Type.String({ minLength: 1, maxLength: 128 }),
  type: Type.Union([Type.Literal('public'), Type.Literal('confidential')]),
  /** Secrets are random and long, so a plain digest is enough to keep them out of the file. */
  secret_sha256: Type.Optional(Type.String({ pattern: '^[0-9a-f]{64}$' })),
  redirect_uris: Type.Array(Type.String()),
  /** Browser origins that may call the gateway (CORS). */
  origins: Type.Array(Type.String()),
  scopes: Type.Array(Type.String(), { minItems: 1 }),
})
export type Client = Static<typeof Client>

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
}

const sandboxFile = new URL('./sandbox.json', import.meta.url)

const read = (path: string | URL): Client[] => {
  let list: unknown
  try {
    list = JSON.parse(readFileSync(path, 'utf8'))
  } catch (error) {
    const reason = (error as NodeJS.ErrnoException).code ?? 'it is not JSON'
    throw new ConfigError([`REKEY_CLIENTS_FILE cannot be read: ${reason}`])
  }
  const faults = [...Value.Errors(Type.Array(Client), list)].map(({ path, message }) => `${path || '/'}: ${message}`)
  if (faults.length > 0) throw new ConfigError(faults.map((fault) => `REKEY_CLIENTS_FILE ${fault}`))
  return list as Client[]
}

interface Source {
  path: string | undefined
  profile: 'sandbox' | 'production'
}

/**
 * The registry of OAuth clients, from one validated file. The sandbox brings its own; its secrets are published, so
 * production must name another.
 *
 * @throws ConfigError naming every fault
 */
export const loadClients = ({ path, profile }: Source): Clients => {
  if (path === undefined && profile === 'production') {
    throw new ConfigError(['REKEY_CLIENTS_FILE is missing. Production does not run with the demo registry.'])
  }
  const clients = read(path ?? sandboxFile)
  const byId = new Map(clients.map((client) => [client.client_id, client]))
  const origins = new Set(clients.flatMap((client) => client.origins))
  return {
    find: (clientId) => byId.get(clientId),
    forRedirect(clientId, redirectUri) {
      const client = byId.get(clientId)
      if (!client?.redirect_uris.includes(redirectUri)) throw new RekeyError('access_denied')
      return client
    },
    authenticate(clientId, secret) {
      const client = byId.get(clientId)
      const sent = createHash('sha256').update(secret).digest()
      const kept = Buffer.from(client?.secret_sha256 ?? '', 'hex')
      if (!client || kept.length !== sent.length || !timingSafeEqual(kept, sent)) throw new RekeyError('invalid_client')
      return client
    },
    allowsOrigin: (origin) => origins.has(origin),
  }
}
