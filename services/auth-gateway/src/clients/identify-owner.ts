import { RekeyError } from '@rekey/contracts'
import { type ClientAuthentication, type ClientCredentials, readBasicCredentials } from './authentication.ts'
import type { Client } from './registry-file.ts'

/** Client authentication of a request that continues what a client began, such as the second step of a restore. */
export const createIdentifyOwner = ({ identify }: Pick<ClientAuthentication, 'identify'>) => ({
  /**
   * Identifies the client as the one that began it; a confidential client must authenticate (S46). A request that names
   * no client continues that of a public one.
   *
   * @throws RekeyError invalid_grant (another client began it), invalid_client, invalid_request, too_many_requests,
   * unavailable
   */
  async identifyOwner({ body, authorization, address }: ClientCredentials, clientId: string): Promise<Client> {
    const named = readBasicCredentials(authorization)?.clientId ?? body.client_id ?? clientId
    if (named !== clientId) throw new RekeyError('invalid_grant')
    const { client_secret } = body
    const credentials = { client_id: clientId, ...(client_secret !== undefined && { client_secret }) }
    const client = await identify({ body: credentials, authorization, address })
    if (!client) throw new RekeyError('invalid_client')
    return client
  },
})
