import type { Caller } from '../challenges/challenges.service.ts'
import type { Client } from './registry.ts'
import { readBasicCredentials } from './basic-credentials.ts'
import type { ClientAuthentication } from './authentication.ts'

interface Claim {
  clientId: string
  /** Address that the client says its user has. */
  ip: string | undefined
  authorization: string | undefined
}

/**
 * The address that limits count by. A confidential client that proves itself may stand before all of its users: what it
 * says of a user's address is believed. Of anybody else it is not.
 */
export const vouchedBy = (client: Client | undefined, ip: string | undefined, { address }: Caller): string =>
  client?.type === 'confidential' ? (ip ?? address) : address

/**
 * The same where clients do not have to prove themselves, and may by HTTP Basic.
 *
 * @throws RekeyError invalid_client, invalid_request, too_many_requests, unavailable
 */
export const createVouching = (clientAuthentication: Pick<ClientAuthentication, 'identify'>) => ({
  async limitedAddress({ clientId, ip, authorization }: Claim, caller: Caller): Promise<string> {
    if (readBasicCredentials(authorization) === undefined) return caller.address
    const proof = { body: { client_id: clientId }, authorization, address: caller.address }
    return vouchedBy(await clientAuthentication.identify(proof), ip, caller)
  },
})

export type Vouching = ReturnType<typeof createVouching>
