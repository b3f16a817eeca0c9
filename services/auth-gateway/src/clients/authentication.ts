import { RekeyError } from '@rekey/contracts'
import { parseAuthorization } from '@rekey/platform/auth'
import type { Limits } from '../limits/limits.ts'
import type { ClientRegistry } from './client-registry.ts'
import type { Client } from './registry-file.ts'

interface Deps {
  registry: ClientRegistry
  limits: Pick<Limits, 'spendToken'>
}

/** Credentials of the client that sends a request. */
export interface ClientCredentials {
  body: { client_id?: string; client_secret?: string }
  /** The Authorization header, if the client authenticates by HTTP Basic. */
  authorization: string | undefined
  /** The client's address. */
  address: string
}

const decode = (text: string): string => decodeURIComponent(text.replaceAll('+', ' '))

/**
 * HTTP Basic credentials of a client, each part form-encoded. An empty secret is none (RFC 6749 §2.3.1).
 *
 * @returns undefined for another scheme, or no header
 * @throws RekeyError invalid_client if a Basic header cannot be decoded
 */
export const readBasicCredentials = (
  header: string | undefined,
): { clientId: string; secret: string | undefined } | undefined => {
  const { scheme, credentials } = parseAuthorization(header)
  if (scheme !== 'basic') return undefined
  const text = Buffer.from(credentials, 'base64').toString('utf8')
  const colon = text.indexOf(':')
  try {
    if (colon < 0) throw new URIError('no colon')
    return { clientId: decode(text.slice(0, colon)), secret: decode(text.slice(colon + 1)) || undefined }
  } catch {
    throw new RekeyError('invalid_client')
  }
}

/** Client authentication (RFC 6749 §2.3). */
export const createClientAuthentication = ({ registry, limits }: Deps) => ({
  /**
   * Identifies the client of a request; undefined if the request names none. A confidential client must authenticate,
   * by Basic or in the body, not both (RFC 6749 §2.3); so must any client that sends a secret. Wrong secrets count
   * against the address.
   *
   * @throws RekeyError invalid_client, invalid_request, too_many_requests, unavailable
   */
  async identify({ body, authorization, address }: ClientCredentials): Promise<Client | undefined> {
    const basic = readBasicCredentials(authorization)
    if (basic && (body.client_secret !== undefined || (body.client_id ?? basic.clientId) !== basic.clientId)) {
      throw new RekeyError('invalid_request', { detail: 'The client authenticates in two ways at once.' })
    }
    const clientId = basic?.clientId ?? body.client_id
    const secret = basic?.secret ?? body.client_secret
    if (clientId === undefined) {
      if (secret !== undefined) throw new RekeyError('invalid_client')
      return undefined
    }
    if (secret === undefined) {
      const client = registry.find(clientId)
      if (client?.type === 'public') return client
      throw new RekeyError('invalid_client')
    }
    const spent = await limits.spendToken(address)
    const client = registry.authenticate(clientId, secret)
    void spent.refund()
    return client
  },

  /**
   * The client that a token or code was issued to; undefined if another client sent the request. A request that names
   * no client is accepted for a public one only: a confidential client would have to authenticate.
   *
   * @throws RekeyError invalid_client
   */
  owner(sender: Client | undefined, clientId: string): Client | undefined {
    if (sender) return sender.client_id === clientId ? sender : undefined
    const found = registry.find(clientId)
    if (found?.type !== 'public') throw new RekeyError('invalid_client')
    return found
  },
})

export type ClientAuthentication = ReturnType<typeof createClientAuthentication>
