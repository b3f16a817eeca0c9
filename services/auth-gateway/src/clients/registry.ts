import { readFileSync } from 'node:fs'
import { OneOf, scopes } from '@rekey/contracts'
import { ConfigError, fileParser } from '@rekey/platform/config'
import { isLoopback } from '@rekey/platform/production'
import { type Static, Type } from '@sinclair/typebox'

/** The variable that names the file. */
export const variable = 'REKEY_CLIENTS_FILE'

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

/** RFC 6749 §3.1.2: absolute, without a fragment. */
const isRedirectUri = (uri: string) => URL.canParse(uri) && !uri.includes('#')
const isOrigin = (origin: string) => URL.canParse(origin) && new URL(origin).origin === origin

/** What must hold of a client, after the field that it is about. */
type Rule = [field: keyof Client, holds: boolean, fault: string]

const tell = (rules: Rule[], index: number): string[] =>
  rules.flatMap(([field, holds, fault]) => (holds ? [] : [`${variable} /${index}/${field}: ${fault}`]))

/** What a schema cannot say of one client. */
const clientFaults = (client: Client, index: number, all: Client[]): string[] => {
  const isFirst = all.findIndex(({ client_id }) => client_id === client.client_id) === index
  return tell(
    [
      ['client_id', isFirst, 'is another client’s too'],
      [
        'secret_sha256',
        client.type === 'public' || client.secret_sha256 !== undefined,
        'is missing: it is confidential',
      ],
      ['secret_sha256', client.type === 'confidential' || client.secret_sha256 === undefined, 'is a public client’s'],
      ['redirect_uris', client.redirect_uris.every(isRedirectUri), 'must be absolute URIs without a fragment'],
      ['origins', client.origins.every(isOrigin), 'must be origins: scheme, host and port alone'],
    ],
    index,
  )
}

const parseList = fileParser(variable, Type.Array(Client))

/** The clients of a registry. */
export interface Registry {
  byId: ReadonlyMap<string, Client>
  /** Of all of them. */
  origins: ReadonlySet<string>
}

/** @throws ConfigError naming every fault of the text */
export const parseRegistry = (text: string): Registry => {
  const clients = parseList(text)
  const faults = clients.flatMap(clientFaults)
  if (faults.length > 0) throw new ConfigError(faults)
  return {
    byId: new Map(clients.map((client) => [client.client_id, client])),
    origins: new Set(clients.flatMap((client) => client.origins)),
  }
}

const sandboxText = readFileSync(new URL('./sandbox.json', import.meta.url), 'utf8')

/** The sandbox's own. */
export const sandboxRegistry = parseRegistry(sandboxText)

/** Its ids and secrets stand in its documents, for everybody to read. */
const published = new Set(parseList(sandboxText).flatMap(({ client_id, secret_sha256 }) => [client_id, secret_sha256]))

/**
 * Where a customer is sent with what becomes a token: over TLS, or to an app on the customer's own machine, by a
 * loopback port or a private-use scheme, which is a domain name of the app's (RFC 8252 §7.1, §7.3).
 */
const keepsToItself = (uri: string) => {
  const { protocol, hostname } = new URL(uri)
  return protocol === 'https:' || protocol.includes('.') || (protocol === 'http:' && isLoopback(hostname))
}

const isHttps = (origin: string) => origin.startsWith('https://')

/** What production insists on beyond that. */
const productionFaults = (client: Client, index: number): string[] =>
  tell(
    [
      ['client_id', !published.has(client.client_id), 'is a client of the sandbox'],
      [
        'secret_sha256',
        client.secret_sha256 === undefined || !published.has(client.secret_sha256),
        'is a secret of the sandbox',
      ],
      [
        'redirect_uris',
        client.redirect_uris.filter(isRedirectUri).every(keepsToItself),
        'must be https, or an app’s: http to this machine, or a scheme with a dot',
      ],
      ['origins', client.origins.filter(isOrigin).every(isHttps), 'must be https'],
    ],
    index,
  )

/**
 * The same of a registry that production takes, in which the client that hosted restores count as can restore.
 *
 * @throws ConfigError naming every fault of the text
 */
export const productionParser =
  (defaultClientId: string | undefined) =>
  (text: string): Registry => {
    const clients = parseList(text)
    const restorers = clients.filter((client) => client.scopes.includes(scopes.restore))
    const isServed = defaultClientId === undefined || restorers.some((client) => client.client_id === defaultClientId)
    const faults = [
      ...clients.flatMap(productionFaults),
      ...clients.flatMap(clientFaults),
      ...(isServed ? [] : [`REKEY_DEFAULT_CLIENT_ID is no client of ${variable} with the scope ${scopes.restore}.`]),
    ]
    if (faults.length > 0) throw new ConfigError(faults)
    return parseRegistry(text)
  }
