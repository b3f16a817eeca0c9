import type { Caller } from '../challenges/challenges.service.ts'
import type { Limits } from '../limits/limits.service.ts'
import { readBasicCredentials } from './basic-credentials.ts'
import type { ClientAuthentication } from './client-authentication.ts'

interface Deps {
  clientAuthentication: ClientAuthentication
  limits: Limits
}

interface Claim {
  clientId: string
  ip: string | undefined
  authorization: string | undefined
}

/**
 * The address that limits count by. A confidential client that proves itself (HTTP Basic) may stand before all of its
 * users: what it says of a user's address is believed. Of anybody else it is not.
 *
 * @throws RekeyError invalid_client, too_many_requests, unavailable
 */
export const createVouching = ({ clientAuthentication, limits }: Deps) => ({
  async limitedAddress({ clientId, ip, authorization }: Claim, { address }: Caller): Promise<string> {
    if (readBasicCredentials(authorization) === undefined) return address
    // Before the secret is compared: guesses at it count.
    await limits.spendToken(address)
    const client = clientAuthentication.identify({ body: { client_id: clientId }, authorization })
    return client?.type === 'confidential' ? (ip ?? address) : address
  },
})

export type Vouching = ReturnType<typeof createVouching>
