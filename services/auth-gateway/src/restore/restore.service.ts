import {
  type CodeSent,
  missingField,
  type PasswordRestoreBody,
  type PasswordRestoreVerificationBody,
  type Proof,
  RekeyError,
  type SecondProof,
  scopes,
} from '@rekey/contracts'
import type { Caller } from '../challenges/challenge.ts'
import type { Challenges } from '../challenges/challenges.ts'
import { countedAddressOf } from '../clients/client-asserted-ip.ts'
import type { Clients } from '../clients/clients.ts'
import { checkScope } from '../clients/scope.ts'
import type { SecondProofs } from '../second-proofs/second-proofs.ts'
import { submittedBy } from '../second-proofs/submitted-code.ts'
import { codeSent } from '../tokens/code-sent.ts'
import { codeChallengeOf } from '../tokens/pkce.ts'
import type { Tokens } from '../tokens/tokens.ts'

interface Deps {
  clients: Clients
  challenges: Challenges
  tokens: Tokens
  secondProofs: SecondProofs
}

/** A verified challenge, which stands for the customer: the gateway does not know who that is. */
interface Verified {
  challengeId: string
  clientId: string
  scope: string
  answeredAt: Date
  proofs: Proof[] | undefined
  /** The session of the first grant, which a second proof continues. */
  sessionId?: string
}

interface VerifiedRequest {
  redirectUri: string
  state: string
  /** RFC 7636 S256 challenge, for a public client that will redeem a code. */
  codeChallenge: string
}

/** A1 and A2: the request of a restore, and the verification of its code. */
export const createRestoreService = ({ clients, challenges, tokens, secondProofs }: Deps) => {
  /** Answers in the form that `response_type` names. @throws RekeyError unavailable, for a code */
  const grantAnswer = async (
    responseType: PasswordRestoreVerificationBody['response_type'],
    verified: Verified,
    { redirectUri, state, codeChallenge }: VerifiedRequest,
  ) => {
    const subject = { ...verified, flow: 'restore' as const, subject: verified.challengeId }
    if (responseType === 'code') {
      const { challengeId, clientId, scope, answeredAt, proofs } = verified
      const authorization = { subject: challengeId, challengeId, clientId, scope, answeredAt }
      const code = await tokens.authorizationCodes.issue({
        ...authorization,
        // Gateways of the version before redeem a code without it alone.
        ...(proofs && proofs.length > 1 && { proofs }),
        redirectUri,
        codeChallenge,
      })
      return { code, redirect_uri: redirectUri, state }
    }
    const rest = { token_type: 'bearer' as const, scope: subject.scope, state }
    if (responseType === 'access_token') {
      const { token, expiresInSeconds } = tokens.issueAccessToken(subject)
      return { access_token: token, expires_in: expiresInSeconds, ...rest }
    }
    const { token, expiresInSeconds } = tokens.issueSuccessToken(subject)
    return { sign_token: token, expires_in: expiresInSeconds, ...rest }
  }

  /** A2 with the token of a second proof. An authorization code needs the redirect URI, and PKCE for a public client. */
  const verifySecond = async (
    second: SecondProof,
    body: PasswordRestoreVerificationBody,
    caller: Caller,
    authorization?: string,
  ) => {
    const { clientId } = second.grant
    const client = clients.find(clientId)
    if (!client) throw new RekeyError('access_denied')
    const scope = checkScope(body.scope, [scopes.restore], client)
    await clients.identifyOwner({ body, authorization, address: caller.address }, clientId)
    const { redirect_uri: redirectUri = '', state } = body
    const codeChallenge = codeChallengeOf(body) ?? ''
    if (body.response_type === 'code') {
      if (redirectUri === '') throw missingField('redirect_uri')
      clients.forRedirect(clientId, redirectUri)
      if (client.type === 'public' && codeChallenge === '') throw missingField('code_challenge')
    }
    const counted = { ...caller, countedAddress: countedAddressOf(client, body.ip, caller.address) }
    const proven = await secondProofs.prove(second, submittedBy(body.grant_type, body), scope, counted)
    return grantAnswer(body.response_type, proven, { redirectUri, state, codeChallenge })
  }

  return {
    /**
     * A1. The answer never depends on whether the account exists (ASVS 6.3.8).
     *
     * @throws RekeyError access_denied (client, redirect URI), invalid_scope, invalid_client
     * (a confidential client without its secret), too_many_requests (address, client, all), unavailable
     */
    async request(body: PasswordRestoreBody, caller: Caller, authorization?: string): Promise<CodeSent> {
      const { client_id: clientId, redirect_uri: redirectUri, state, ip } = body
      const client = clients.forRedirect(clientId, redirectUri)
      await clients.identify({ body, authorization, address: caller.address })
      const scope = checkScope(body.scope, [scopes.restore], client)
      const request = { clientId, redirectUri, scope, state, codeChallenge: codeChallengeOf(body) }
      const countedAddress = countedAddressOf(client, ip, caller.address)
      const challenge = await challenges.openRestore('oauthRestore', body.username, request, {
        ...caller,
        countedAddress,
      })
      return codeSent(tokens, challenge)
    },

    /**
     * A2. Refuses an answer that could not be used before its code is spent. The token of a required second proof leads
     * to a grant with both proofs.
     *
     * @throws RekeyError invalid_scope, invalid_request (an authorization code that could not
     * be redeemed), invalid_grant, access_denied (five failed attempts; or the client is not registered any more),
     * invalid_client (a confidential client without its secret), too_many_requests, unavailable
     */
    async verify(body: PasswordRestoreVerificationBody, caller: Caller, authorization?: string) {
      const lateCodeChallenge = codeChallengeOf(body)
      const second = await tokens.readSecondProof(body.mfa_token)
      if (second) return verifySecond(second, body, caller, authorization)
      const challenge = tokens.readMfaToken(body.mfa_token)
      const client = clients.find(challenge.clientId)
      if (!client) throw new RekeyError('access_denied')
      const requestedScope = checkScope(body.scope, [scopes.restore], client)
      await clients.identifyOwner({ body, authorization, address: caller.address }, challenge.clientId)
      const countedAddress = countedAddressOf(client, body.ip, caller.address)
      const authorizationCode = {
        codeChallenge: lateCodeChallenge ?? '',
        pkceRequired: client.type === 'public',
        redirectUri: body.redirect_uri ?? '',
      }
      const { clientId, redirectUri, scope, state, codeChallenge, answeredAt, proof } = await challenges.answer(
        challenge,
        submittedBy(body.grant_type, body),
        {
          flows: ['oauthRestore'],
          clientId: challenge.clientId,
          state: body.state,
          scope: requestedScope,
          ...(body.response_type === 'code' && { authorizationCode }),
        },
        { ...caller, countedAddress },
      )
      return grantAnswer(
        body.response_type,
        { challengeId: challenge.challengeId, clientId, scope, answeredAt, proofs: proof && [proof] },
        // RFC 7636 sends the challenge in the first request; the published contract does not say which of the two.
        { redirectUri, state, codeChallenge: codeChallenge || (lateCodeChallenge ?? '') },
      )
    },
  }
}

export type RestoreService = ReturnType<typeof createRestoreService>
