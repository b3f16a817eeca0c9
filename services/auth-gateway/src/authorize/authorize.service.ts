import { RekeyError } from '@rekey/contracts'
import type { Caller } from '../challenges/challenge.ts'
import type { Challenges } from '../challenges/challenges.ts'
import type { Clients } from '../clients/clients.ts'
import type { Tokens } from '../tokens/tokens.ts'
import { type AuthorizationRequest, createRequestReader, responseUri } from './authorization-request.ts'

interface Deps {
  clients: Clients
  challenges: Challenges
  tokens: Tokens
}

/** A sent code, as the pages show it. */
export interface AuthorizationCode {
  /** The challenge's `mfa_token`. */
  token: string
  verificationCode: string
}

/** A7: an authorization code for the proof of a restore (S20: it signs nobody in). */
export const createAuthorizeService = ({ clients, challenges, tokens }: Deps) => ({
  ...createRequestReader(clients, tokens.issuer),

  /**
   * Sends a code, as A1. The answer never depends on whether the account exists (ASVS 6.3.8).
   *
   * @throws RekeyError access_denied (the client or the URI is not registered any more), too_many_requests, unavailable
   */
  async sendCode(username: string, request: AuthorizationRequest, caller: Caller): Promise<AuthorizationCode> {
    clients.forRedirect(request.clientId, request.redirectUri)
    const challenge = await challenges.openRestore('oauthRestore', username, request, caller)
    return { token: tokens.issueMfaToken(challenge), verificationCode: challenge.verificationCode }
  },

  /**
   * Submits the confirmation code, as A2 with `response_type=code`.
   *
   * @returns the redirect URI with `code`, `state` and `iss` (RFC 6749 §4.1.2, RFC 9207)
   * @throws RekeyError invalid_grant, access_denied (five failed attempts; or the client is not registered any more),
   * too_many_requests, unavailable
   */
  async answer(token: string, code: string, caller: Caller): Promise<string> {
    const name = tokens.readMfaToken(token)
    if (!clients.find(name.clientId)) throw new RekeyError('access_denied')
    const { challengeId, clientId, scope, redirectUri, state, codeChallenge, answeredAt } = await challenges.answer(
      name,
      code,
      {
        flows: ['oauthRestore'],
        clientId: name.clientId,
        state: '',
        scope: '',
        authorizationCode: { codeChallenge: '', pkceRequired: true, redirectUri: '' },
      },
      caller,
    )
    const issued = await tokens.authorizationCodes.issue({
      subject: challengeId,
      challengeId,
      clientId,
      scope,
      redirectUri,
      codeChallenge,
      answeredAt,
    })
    return responseUri(redirectUri, { code: issued, state, iss: tokens.issuer })
  },
})

export type AuthorizeService = ReturnType<typeof createAuthorizeService>
