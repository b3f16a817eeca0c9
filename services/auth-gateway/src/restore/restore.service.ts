import {
  type PasswordRestoreBody,
  type PasswordRestoreVerificationBody,
  scopes,
  type TokenAnswer,
} from '@rekey/contracts'
import type { Caller, Challenges, OpenChallenge } from '../challenges/challenges.service.ts'
import { checkResponseType, checkScope } from '../clients/authorization.ts'
import type { Clients } from '../clients/clients.ts'
import type { AuthorizationCodes } from '../tokens/authorization-codes.store.ts'
import type { Tokens } from '../tokens/tokens.ts'

interface Deps {
  clients: Clients
  challenges: Challenges
  tokens: Tokens
  authorizationCodes: AuthorizationCodes
}

/** A1 and A2: a restore asked for, and the proof that its code arrived. */
export const createRestores = ({ clients, challenges, tokens, authorizationCodes }: Deps) => ({
  /**
   * @throws RekeyError access_denied (client, redirect URI), unsupported_response_type, invalid_scope, unavailable.
   * Never anything that depends on whether the account exists (ASVS 6.3.8).
   */
  request(ask: PasswordRestoreBody, caller: Caller): Promise<OpenChallenge> {
    const client = clients.forRedirect(ask.client_id, ask.redirect_uri)
    checkResponseType(ask.response_type)
    checkScope(ask.scope, [scopes.restore], client)
    return challenges.openRestore(
      'oauthRestore',
      ask.username,
      { clientId: ask.client_id, redirectUri: ask.redirect_uri, scope: ask.scope, state: ask.state },
      caller,
    )
  },

  /**
   * @throws RekeyError unsupported_response_type, invalid_grant, access_denied (five wrong codes), unavailable
   */
  async verify(proof: PasswordRestoreVerificationBody, caller: Caller) {
    const responseType = checkResponseType(proof.response_type)
    const challengeId = tokens.readMfa(proof.mfa_token)
    const { clientId, redirectUri, scope, state } = await challenges.answer(
      challengeId,
      proof.code,
      { flows: ['oauthRestore'], clientId: proof.client_id ?? '', state: proof.state, scope: proof.scope },
      caller,
    )
    // Whose restore it is, is known to the password-service alone: the challenge stands for the person.
    const subject = { subject: challengeId, clientId, scope, challengeId }
    if (responseType === 'code') {
      const codeChallenge = proof.code_challenge
      const code = await authorizationCodes.issue({ ...subject, redirectUri, codeChallenge })
      return { code, redirect_uri: redirectUri, state }
    }
    const issued = responseType === 'access_token' ? tokens.access(subject) : tokens.sign(subject)
    const answer: TokenAnswer = {
      [responseType]: issued.token,
      token_type: 'bearer',
      expires_in: issued.expiresInSeconds,
      scope,
      state,
    }
    return answer
  },
})

export type Restores = ReturnType<typeof createRestores>
