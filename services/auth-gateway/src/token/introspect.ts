import { type IntrospectAnswer, type IntrospectBody, RekeyError } from '@rekey/contracts'
import type { TokenClaims } from '@rekey/platform/auth'
import type { ClientCredentials } from '../clients/authentication.ts'
import type { Clients } from '../clients/clients.ts'
import type { Sessions } from '../sessions/sessions.ts'

interface IntrospectRequest extends ClientCredentials {
  body: IntrospectBody
  /** Claims of a valid access or success token. @throws RekeyError unavailable */
  claims(): Promise<TokenClaims | undefined>
}

/** A6: introspection (RFC 7662). `token_type_hint` is ignored: the type can be told from the token. */
export const createIntrospect =
  (clients: Clients, sessions: Sessions, issuer: string) =>
  /**
   * States whether a token is active, and its claims. Only for confidential clients: others could use it to try tokens
   * out. A token of another client is not active, unless the caller is a resource server (RFC 7662 §2.2). A grant stays
   * active after it was spent, because the password-service spends it.
   *
   * @throws RekeyError invalid_client, invalid_request, too_many_requests, unavailable
   */
  async (request: IntrospectRequest): Promise<IntrospectAnswer> => {
    const { body } = request
    const client = await clients.identify(request)
    if (client?.type !== 'confidential') throw new RekeyError('invalid_client')
    const mayRead = (owner: string) => client.introspection === 'all' || owner === client.client_id
    const claims = await request.claims()
    if (claims) {
      if (!mayRead(claims.client_id)) return { active: false }
      if (await sessions.isEnded(claims)) return { active: false }
      const { scope, client_id, exp, iat, sub, aud, iss, jti, sid } = claims
      return { active: true, scope, client_id, token_type: 'bearer', exp, iat, sub, aud, iss, jti, sid }
    }
    const refresh = await sessions.read(body.token)
    const session = refresh && mayRead(refresh.clientId) && (await sessions.checkRefreshToken(refresh))
    if (!session) return { active: false }
    return {
      active: true,
      scope: session.scope,
      client_id: refresh.clientId,
      // Not `bearer`: a resource server must not accept it as an access token.
      token_type: 'refresh_token',
      exp: Math.floor(session.endsAt / 1_000),
      sub: refresh.subject,
      iss: issuer,
      sid: refresh.sessionId,
    }
  }

export type Introspect = ReturnType<typeof createIntrospect>
