import { createHash, timingSafeEqual } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { OneOf, RekeyError, scopes } from '@rekey/contracts'
import { ConfigError, faultsOf, fileParser } from '@rekey/platform/config'
import type { Logger } from '@rekey/platform/logger'
import { readOnce, watchFile } from '@rekey/platform/watched-file'
import { type Static, Type } from '@sinclair/typebox'

const variable = 'REKEY_CLIENTS_FILE'

const Client = Type.Object(
  {
    client_id: Type.String({ minLength: 1, maxLength: 128 }),
    type: OneOf(['public', 'confidential']),
    /** Secrets are random and long, so a plain digest is enough to keep them out of the file. */
    secret_sha256: Type.Optional(Type.String({ pattern: '^[0-9a-f]{64}$' })),
    redirect_uris: Type.Array(Type.String()),
    /** Browser origins that may call the gateway (CORS). */
    origins: Type.Array(Type.String()),
    scopes: Type.Array(OneOf(Object.values(scopes)), { minItems: 1 }),
  },
  // A field that is misspelt would be one that is not there.
  { additionalProperties: false },
)
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
  /** Reads the file no more. */
  close(): Promise<void>
}

/** RFC 6749 §3.1.2: absolute, without a fragment. */
const isRedirectUri = (uri: string) => URL.canParse(uri) && !uri.includes('#')
const isOrigin = (origin: string) => URL.canParse(origin) && new URL(origin).origin === origin

/** What a schema cannot say of one client. */
const clientFaults = (client: Client, index: number, all: Client[]): string[] => {
  const rules: [string, boolean, string][] = [
    [
      'client_id',
      all.findIndex(({ client_id }) => client_id === client.client_id) === index,
      'is another client’s too',
    ],
    ['secret_sha256', client.type === 'public' || client.secret_sha256 !== undefined, 'is missing: it is confidential'],
    ['secret_sha256', client.type === 'confidential' || client.secret_sha256 === undefined, 'is a public client’s'],
    ['redirect_uris', client.redirect_uris.every(isRedirectUri), 'must be absolute URIs without a fragment'],
    ['origins', client.origins.every(isOrigin), 'must be origins: scheme, host and port alone'],
  ]
  return rules.flatMap(([field, holds, fault]) => (holds ? [] : [`${variable} /${index}/${field}: ${fault}`]))
}

const parseList = fileParser(variable, Type.Array(Client))

const parse = (text: string) => {
  const clients = parseList(text)
  const faults = clients.flatMap(clientFaults)
  if (faults.length > 0) throw new ConfigError(faults)
  return {
    byId: new Map(clients.map((client) => [client.client_id, client])),
    origins: new Set(clients.flatMap((client) => client.origins)),
  }
}

const sandboxText = readFileSync(new URL('./sandbox.json', import.meta.url), 'utf8')
const published = new Set(parseList(sandboxText).flatMap(({ client_id, secret_sha256 }) => [client_id, secret_sha256]))

/** The ids and secrets of the sandbox stand in its documents, for everybody to read. */
const parseForProduction = (text: string) => {
  const faults = parseList(text).flatMap(({ client_id, secret_sha256 }, index) => [
    ...(published.has(client_id) ? [`${variable} /${index}/client_id: is a client of the sandbox`] : []),
    ...(secret_sha256 && published.has(secret_sha256)
      ? [`${variable} /${index}/secret_sha256: is a secret of the sandbox`]
      : []),
  ])
  const others = faultsOf(() => parse(text))
  if (faults.length + others.length > 0) throw new ConfigError([...faults, ...others])
  return parse(text)
}

/** What production does not take of a registry's file. */
export const clientsFaults = (path: string | undefined): readonly string[] =>
  path === undefined
    ? [`${variable} is missing. Production does not run with the demo registry.`]
    : faultsOf(() => readOnce({ variable, path, parse: parseForProduction }))

interface Source {
  path: string | undefined
  profile: 'sandbox' | 'production'
  log: Logger
}

/** The sandbox brings its own file, which does not change. */
const openRegistry = ({ path, profile, log }: Source) => {
  if (path !== undefined) {
    return watchFile({ variable, path, parse: profile === 'production' ? parseForProduction : parse, log })
  }
  if (profile === 'production') throw new ConfigError([...clientsFaults(path)])
  const sandbox = parse(sandboxText)
  return { current: () => sandbox, close: async () => {} }
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
