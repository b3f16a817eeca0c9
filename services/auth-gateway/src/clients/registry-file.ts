import { readFileSync } from 'node:fs'
import { OneOf, RestoreProofs, scopes, signingAlgorithms } from '@rekey/contracts'
import { ConfigError, fileParser } from '@rekey/platform/config'
import { isLoopback } from '@rekey/platform/production'
import { type Static, Type } from '@sinclair/typebox'

/** Variable that contains the path of the file. */
export const variable = 'REKEY_CLIENTS_FILE'

/** SHA-256 in hex. */
const digest = '^[0-9a-f]{64}$'

const Client = Type.Object(
  {
    client_id: Type.String({ minLength: 1, maxLength: 128 }),
    type: OneOf(['public', 'confidential']),
    /**
     * A plain digest is enough to keep secrets out of the file: they are long and random. Two of them while the secret
     * is replaced.
     */
    secret_sha256: Type.Optional(
      Type.Unsafe<string | string[]>({
        type: ['string', 'array'],
        pattern: digest,
        items: { type: 'string', pattern: digest },
        minItems: 1,
        maxItems: 2,
        uniqueItems: true,
      }),
    ),
    redirect_uris: Type.Array(Type.String()),
    /** Browser origins that may call the gateway (CORS). */
    origins: Type.Array(Type.String()),
    scopes: Type.Array(OneOf(Object.values(scopes)), { minItems: 1 }),
    /** The person who answers for a client of the back office: the id at the identity provider, if there is one. */
    owner: Type.Optional(Type.String({ pattern: '^[\\x21-\\x7E]{1,255}$' })),
    /** Tokens that the client may introspect: its own, or, as a resource server, those of all clients (RFC 7662 §4). */
    introspection: Type.Optional(OneOf(['own', 'all'])),
    /** The rule for second proofs at restores, if it is stricter than that of the password-service. */
    restoreProofs: Type.Optional(RestoreProofs),
    /** Algorithm that signs the client's tokens; EdDSA, if not set. */
    token_signing_alg: Type.Optional(OneOf(signingAlgorithms)),
  },
  // Otherwise a misspelt field would be ignored.
  { additionalProperties: false },
)
export type Client = Static<typeof Client>

/** Digests of the secrets that the client may use. */
export const digestsOf = ({ secret_sha256: digests = [] }: Pick<Client, 'secret_sha256'>): string[] => [digests].flat()

/** RFC 6749 §3.1.2: absolute, without a fragment. */
const isRedirectUri = (uri: string) => URL.canParse(uri) && !uri.includes('#')
const isOrigin = (origin: string) => URL.canParse(origin) && new URL(origin).origin === origin

/** A requirement of one field, and the error if it is not met. */
type Rule = [field: keyof Client, isMet: boolean, error: string]

const errorsOf = (rules: Rule[], index: number): string[] =>
  rules.flatMap(([field, isMet, error]) => (isMet ? [] : [`${variable} /${index}/${field}: ${error}`]))

/** Configuration errors of one client that the schema cannot express. */
const clientErrors = (client: Client, index: number, all: Client[]): string[] => {
  const isFirst = all.findIndex(({ client_id }) => client_id === client.client_id) === index
  const { type, secret_sha256, redirect_uris, origins, introspection } = client
  return errorsOf(
    [
      ['client_id', isFirst, 'is used by another client'],
      ['secret_sha256', type === 'public' || secret_sha256 !== undefined, 'is missing: the client is confidential'],
      [
        'secret_sha256',
        type === 'confidential' || secret_sha256 === undefined,
        'must not be set: the client is public',
      ],
      [
        'introspection',
        type === 'confidential' || introspection === undefined,
        'must not be set: the client is public',
      ],
      ['redirect_uris', redirect_uris.every(isRedirectUri), 'must be absolute URIs without a fragment'],
      ['origins', origins.every(isOrigin), 'must be origins: scheme, host and port only'],
    ],
    index,
  )
}

const parseList = fileParser(variable, Type.Array(Client))

/** The clients of one version of the file. */
export interface Registry {
  byId: ReadonlyMap<string, Client>
  /** Browser origins of all clients. */
  origins: ReadonlySet<string>
}

/** @throws ConfigError that lists every error of the text */
export const parseRegistry = (text: string): Registry => {
  const clients = parseList(text)
  const errors = clients.flatMap(clientErrors)
  if (errors.length > 0) throw new ConfigError(errors)
  return {
    byId: new Map(clients.map((client) => [client.client_id, client])),
    origins: new Set(clients.flatMap((client) => client.origins)),
  }
}

const sandboxText = readFileSync(new URL('./sandbox.json', import.meta.url), 'utf8')

/** The sandbox's own clients. */
export const sandboxRegistry = parseRegistry(sandboxText)

/** Ids and secrets of the sandbox's clients, which its documents publish. */
const published = new Set(parseList(sandboxText).flatMap((client) => [client.client_id, ...digestsOf(client)]))

/**
 * True if a redirect keeps the code confidential: over TLS, or to an app on the customer's device by a loopback port or
 * a private-use scheme, which is a reversed domain name (RFC 8252 §7.1, §7.3).
 */
const isConfidentialRedirect = (uri: string) => {
  const { protocol, hostname } = new URL(uri)
  return protocol === 'https:' || protocol.includes('.') || (protocol === 'http:' && isLoopback(hostname))
}

const isHttps = (origin: string) => origin.startsWith('https://')

/** Errors of one client that only production rejects. */
const productionErrors = ({ client_id, redirect_uris, origins, ...client }: Client, index: number): string[] =>
  errorsOf(
    [
      [
        'scopes',
        client.type === 'confidential' || !client.scopes.includes(scopes.backOffice),
        `must not contain ${scopes.backOffice}: a public client cannot authenticate`,
      ],
      ['client_id', !published.has(client_id), 'is a client of the sandbox'],
      ['secret_sha256', !digestsOf(client).some((digest) => published.has(digest)), 'is a secret of the sandbox'],
      [
        'redirect_uris',
        redirect_uris.filter(isRedirectUri).every(isConfidentialRedirect),
        'must be https, or an app’s: http to a loopback address, or a scheme with a dot',
      ],
      ['origins', origins.filter(isOrigin).every(isHttps), 'must be https'],
    ],
    index,
  )

/** With four eyes, two clients of one owner are one person (ASVS 6.4.6). */
const ownerErrors = ({ scopes: granted, owner }: Client, index: number): string[] =>
  errorsOf(
    [['owner', owner !== undefined || !granted.includes(scopes.backOffice), `is missing: four eyes are on`]],
    index,
  )

/**
 * Parses a registry for production, where the client of hosted restores must be in the file and may restore.
 *
 * @throws ConfigError that lists every error of the text
 */
export const productionParser =
  (defaultClientId: string | undefined, fourEyes = false) =>
  (text: string): Registry => {
    const clients = parseList(text)
    const found = clients.find(({ client_id }) => client_id === defaultClientId)
    const errors = [
      ...clients.flatMap(productionErrors),
      ...clients.flatMap(clientErrors),
      ...(fourEyes ? clients.flatMap(ownerErrors) : []),
      ...(defaultClientId === undefined || found?.scopes.includes(scopes.restore)
        ? []
        : [`REKEY_DEFAULT_CLIENT_ID is no client of ${variable} with the scope ${scopes.restore}.`]),
      ...(found?.type === 'confidential' && found.scopes.includes(scopes.restore)
        ? ['REKEY_DEFAULT_CLIENT_ID is a confidential client: restores on the hosted pages need a public one.']
        : []),
    ]
    if (errors.length > 0) throw new ConfigError(errors)
    return parseRegistry(text)
  }
