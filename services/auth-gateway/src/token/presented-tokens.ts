import { type IntrospectAnswer, type IntrospectBody, RekeyError, type RevokeBody } from '@rekey/contracts'
import type { TokenClaims } from '@rekey/platform/auth'
import type { Sessions } from '../sessions/sessions.service.ts'
import type { ClientAuthentication, ClientProof } from '../clients/authentication.ts'

interface Deps {
  clientAuthentication: ClientAuthentication
  sessions: Sessions
  issuer: string
}

interface Presented extends ClientProof {
  /** Of an access or sign token that is sound and has not expired. */
  claims: TokenClaims | undefined
}

/** A6: a token that is shown, to be ended or asked about. `token_type_hint` is not needed to tell which kind it is. */
export const createPresentedTokens = ({ clientAuthentication, sessions, issuer }: Deps) => ({
  /**
   * Ends the session of a token (RFC 7009). One that is unknown or over is as good as ended.
   *
   * @throws RekeyError invalid_client, invalid_request, unauthorized_client (it was issued to another),
   * too_many_requests, unavailable
   */
  async revoke(request: Presented & { body: RevokeBody }): Promise<void> {
    const { body, claims } = request
    const client = await clientAuthentication.identify(request)
    const refresh = await sessions.read(body.token)
    const subject = refresh?.subject ?? claims?.sub
    const sessionId = refresh?.sessionId ?? claims?.sid
    const clientId = refresh?.clientId ?? claims?.client_id
    if (subject === undefined || sessionId === undefined || clientId === undefined) return
    if (!clientAuthentication.owner(client, clientId)) {
      throw new RekeyError('unauthorized_client', { detail: 'The token was issued to another client.' })
    }
    const until = claims && new Date(claims.exp * 1_000)
    await sessions.end({ subject, sessionId, clientId, reason: 'revoked' }, until)
  },

  /**
   * What a token is good for (RFC 7662). Only for confidential clients: others could use it to try tokens out. Of a
   * grant that was spent it does not know, since a grant is spent elsewhere.
   *
   * @throws RekeyError invalid_client, invalid_request, too_many_requests, unavailable
   */
  async introspect(request: Presented & { body: IntrospectBody }): Promise<IntrospectAnswer> {
    const { body, claims } = request
    const client = await clientAuthentication.identify(request)
    if (client?.type !== 'confidential') throw new RekeyError('invalid_client')
    if (claims) {
      if (await sessions.isEnded(claims)) return { active: false }
      const { scope, client_id, exp, iat, sub, aud, iss, jti, sid } = claims
      return { active: true, scope, client_id, token_type: 'bearer', exp, iat, sub, aud, iss, jti, sid }
    }
    const refresh = await sessions.read(body.token)
    const session = refresh && (await sessions.look(refresh))
    if (!session) return { active: false }
    return {
      active: true,
      scope: session.scope,
      client_id: refresh.clientId,
      // So that nobody takes it for a bearer token.
      token_type: 'refresh_token',
      exp: Math.floor(session.endsAt / 1_000),
      sub: refresh.subject,
      iss: issuer,
      sid: refresh.sessionId,
    }
  },
})

export type PresentedTokens = ReturnType<typeof createPresentedTokens>
