import { type ClientAuthentication, readBasicCredentials } from './authentication.ts'
import type { Client } from './registry-file.ts'

interface Assertion {
  clientId: string
  /** Address that the client states for its user. */
  ip: string | undefined
  authorization: string | undefined
}

/**
 * The address that rate limits count. An authenticated confidential client may be the server behind which all of its
 * users are, so the address that it states for a user counts. From any other client only its own address counts.
 */
export const countedAddressOf = (client: Client | undefined, ip: string | undefined, address: string): string =>
  client?.type === 'confidential' ? (ip ?? address) : address

/** Client-asserted IP at endpoints where client authentication is optional, and by HTTP Basic. */
export const createClientAssertedIp = (authentication: Pick<ClientAuthentication, 'identify'>) => ({
  /** @throws RekeyError invalid_client, invalid_request, too_many_requests, unavailable */
  async countedAddress({ clientId, ip, authorization }: Assertion, address: string): Promise<string> {
    if (readBasicCredentials(authorization) === undefined) return address
    const client = await authentication.identify({ body: { client_id: clientId }, authorization, address })
    return countedAddressOf(client, ip, address)
  },
})
