import { RekeyError } from '@rekey/contracts'
import type { Clients } from './clients.ts'
import type { Client } from './registry.ts'
import type { Limits } from '../limits/limits.service.ts'
import { readBasicCredentials } from './basic-credentials.ts'

interface Deps {
  clients: Clients
  limits: Pick<Limits, 'spendToken'>
}

/** What a request says of the client that sends it. */
export interface ClientProof {
  body: { client_id?: string; client_secret?: string }
  /** The header, for a client that authenticates by HTTP Basic. */
  authorization: string | undefined
  /** The address it came from, as the gateway saw it. */
  address: string
}

/** Which client asks, and whether something is its own. */
export const createClientAuthentication = ({ clients, limits }: Deps) => ({
  /**
   * The client that asks; undefined where none is named. A confidential one proves itself, by Basic or in the body, not
   * both (RFC 6749 §2.3); so does any that brings a secret. Wrong secrets count against the address.
   *
   * @throws RekeyError invalid_client, invalid_request, too_many_requests, unavailable
   */
  async identify({ body, authorization, address }: ClientProof): Promise<Client | undefined> {
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
      const client = clients.find(clientId)
      if (client?.type === 'public') return client
      throw new RekeyError('invalid_client')
    }
    const guess = await limits.spendToken(address)
    const client = clients.authenticate(clientId, secret)
    void guess.giveBack()
    return client
  },

  /**
   * The client that something was given to, where it is the one that asks; undefined where another asks. Whoever names
   * no client is taken for that one, which then must not have a secret to prove.
   *
   * @throws RekeyError invalid_client
   */
  owner(asking: Client | undefined, clientId: string): Client | undefined {
    if (asking) return asking.client_id === clientId ? asking : undefined
    const found = clients.find(clientId)
    if (found?.type !== 'public') throw new RekeyError('invalid_client')
    return found
  },
})

export type ClientAuthentication = ReturnType<typeof createClientAuthentication>
