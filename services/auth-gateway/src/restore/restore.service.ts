import { type CodeSent, type PasswordRestoreBody, type PasswordRestoreVerificationBody, scopes } from '@rekey/contracts'
import type { Caller, Challenges } from '../challenges/challenges.service.ts'
import { codeSent } from '../tokens/code-sent.ts'
import type { Clients } from '../clients/clients.ts'
import { checkScope } from '../clients/scope.ts'
import { codeChallengeOf } from '../tokens/pkce.ts'
import { checkResponseType, type Responder } from '../tokens/response-types.ts'
import type { Tokens } from '../tokens/tokens.ts'
import type { Vouching } from '../clients/client-asserted-ip.ts'

interface Deps {
  clients: Clients
  challenges: Challenges
  vouching: Vouching
  tokens: Tokens
  responder: Responder
}

/** A1 and A2: a restore asked for, and the proof that its code arrived. */
export const createRestores = ({ clients, challenges, vouching, tokens, responder }: Deps) => ({
  /**
   * @throws RekeyError access_denied (client, redirect URI), unsupported_response_type, invalid_scope, invalid_client
   * (a secret that is wrong), too_many_requests (address, client, all), unavailable.
   * Never anything that depends on whether the account exists (ASVS 6.3.8).
   */
  async request(ask: PasswordRestoreBody, caller: Caller, authorization?: string): Promise<CodeSent> {
    const client = clients.forRedirect(ask.client_id, ask.redirect_uri)
    checkResponseType(ask.response_type)
    checkScope(ask.scope, [scopes.restore], client)
    const request = {
      clientId: ask.client_id,
      redirectUri: ask.redirect_uri,
      scope: ask.scope,
      state: ask.state,
      codeChallenge: codeChallengeOf(ask),
    }
    const limitedAddress = await vouching.limitedAddress({ clientId: ask.client_id, ip: ask.ip, authorization }, caller)
    const challenge = await challenges.openRestore('oauthRestore', ask.username, request, { ...caller, limitedAddress })
    return codeSent(tokens, challenge)
  },

  /**
   * @throws RekeyError unsupported_response_type, invalid_grant, access_denied (five wrong codes), invalid_client (a
   * secret that is wrong), too_many_requests, unavailable
   */
  async verify(proof: PasswordRestoreVerificationBody, caller: Caller, authorization?: string) {
    const responseType = checkResponseType(proof.response_type)
    const lateCodeChallenge = codeChallengeOf(proof)
    const challenge = tokens.readMfa(proof.mfa_token)
    const claim = { clientId: proof.client_id ?? challenge.clientId, ip: proof.ip, authorization }
    const limitedAddress = await vouching.limitedAddress(claim, caller)
    const { clientId, redirectUri, scope, state, codeChallenge } = await challenges.answer(
      challenge,
      proof.code,
      { flows: ['oauthRestore'], clientId: proof.client_id ?? '', state: proof.state, scope: proof.scope },
      { ...caller, limitedAddress },
    )
    return responder.answer(
      responseType,
      { challengeId: challenge.challengeId, clientId, scope },
      {
        redirectUri,
        state,
        // RFC 7636 puts it into the first request; the document has no room for it in either.
        codeChallenge: codeChallenge || lateCodeChallenge,
      },
    )
  },
})

export type Restores = ReturnType<typeof createRestores>
