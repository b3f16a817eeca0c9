import { RekeyError, type RevokeBody } from '@rekey/contracts'
import type { TokenClaims } from '@rekey/platform/auth'
import type { ClientCredentials } from '../clients/authentication.ts'
import type { Clients } from '../clients/clients.ts'
import type { Limits } from '../limits/limits.ts'
import type { Sessions } from '../sessions/sessions.ts'

interface RevokeRequest extends ClientCredentials {
  body: RevokeBody
  /** Claims of a valid access or success token. @throws RekeyError unavailable */
  claims(): Promise<TokenClaims | undefined>
}

/** A6: revocation (RFC 7009). `token_type_hint` is ignored: the type can be told from the token. */
export const createRevoke =
  (clients: Clients, sessions: Sessions, { spendToken }: Pick<Limits, 'spendToken'>) =>
  /**
   * Ends the session of a token. An unknown or expired token needs no revocation, so it is answered alike.
   *
   * @throws RekeyError invalid_client, invalid_request, unauthorized_client (issued to another client),
   * too_many_requests, unavailable
   */
  async (request: RevokeRequest): Promise<void> => {
    const { body, address } = request
    const client = await clients.identify(request)
    // Before the token is verified, which costs more than a request. A confidential client ends sessions of all its users.
    if (client?.type !== 'confidential') await spendToken(address)
    const claims = await request.claims()
    const refresh = await sessions.read(body.token)
    const subject = refresh?.subject ?? claims?.sub
    const sessionId = refresh?.sessionId ?? claims?.sid
    const clientId = refresh?.clientId ?? claims?.client_id
    if (subject === undefined || sessionId === undefined || clientId === undefined) return
    if (!clients.owner(client, clientId)) {
      throw new RekeyError('unauthorized_client', { detail: 'The token was issued to another client.' })
    }
    const until = claims && new Date(claims.exp * 1_000)
    await sessions.end({ subject, sessionId, clientId, reason: 'revoked' }, until)
  }

export type Revoke = ReturnType<typeof createRevoke>
