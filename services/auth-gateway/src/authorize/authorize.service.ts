import { challengeType, parseUsername, RekeyError, scopes } from '@rekey/contracts'
import type { Caller, OpenChallenge } from '../challenges/challenge.ts'
import type { Challenges } from '../challenges/challenges.ts'
import type { Clients } from '../clients/clients.ts'
import { codeLifeMs } from '../tokens/authorization-codes.store.ts'
import type { Tokens } from '../tokens/tokens.ts'
import type { RestoreCode } from '../two-factor/two-factor.service.ts'
import { responseUri } from './authorization-request.ts'

interface Deps {
  clients: Clients
  challenges: Challenges
  tokens: Tokens
  now: () => Date
}

/** Where the client gets the authorization code. */
interface Target {
  redirectUri: string
  state: string | undefined
  codeChallenge: string
}

/** A7: an authorization code for the proof of a restore (S20: it signs nobody in). */
export const createAuthorizeService = ({ clients, challenges, tokens, now }: Deps) => {
  const codeOf = (challenge: OpenChallenge): RestoreCode => ({
    token: tokens.issueMfaToken(challenge),
    verificationCode: challenge.verificationCode,
    expiresAt: challenge.expiresAt,
  })

  /** @throws RekeyError access_denied (not registered any more, or not for this), invalid_scope */
  const assertAllowed = (clientId: string, redirectUri: string) => {
    const client = clients.forRedirect(clientId, redirectUri)
    if (client.type !== 'public') throw new RekeyError('access_denied')
    if (!client.scopes.includes(scopes.restore)) throw new RekeyError('access_denied')
  }

  return {
    /**
     * Sends a code, as A1. The answer never depends on whether the account exists (ASVS 6.3.8).
     *
     * @throws RekeyError access_denied (the client or the URI is not registered any more), too_many_requests, unavailable
     */
    async sendCode(username: string, clientId: string, target: Target, caller: Caller): Promise<RestoreCode> {
      const { redirectUri, state = '', codeChallenge } = target
      assertAllowed(clientId, redirectUri)
      const request = { clientId, redirectUri, scope: scopes.restore, state, codeChallenge }
      return codeOf(await challenges.openRestore('oauthRestore', username, request, caller))
    },

    /** Sends a new code. @throws RekeyError invalid_grant, access_denied, too_many_requests, unavailable */
    async resendCode(token: string, username: string, state = '', caller: Caller): Promise<RestoreCode> {
      const device = challengeType(parseUsername(username))
      return codeOf(await challenges.send(tokens.readMfaToken(token), state, device, caller))
    },

    /**
     * Submits the confirmation code, as A2 with `response_type=code`.
     *
     * @returns the redirect URI with `code`, `state` and `iss` (RFC 6749 §4.1.2, RFC 9207)
     * @throws RekeyError invalid_grant, access_denied (five failed attempts; or the client is not registered any more),
     * too_many_requests, unavailable
     */
    async answer(token: string, code: string, caller: Caller): Promise<{ location: string; expiresAt: number }> {
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
      const proof = { subject: challengeId, challengeId, clientId, scope, answeredAt }
      const issued = await tokens.authorizationCodes.issue({ ...proof, redirectUri, codeChallenge })
      const location = responseUri(redirectUri, { code: issued, state, iss: tokens.issuer })
      return { location, expiresAt: now().getTime() + codeLifeMs }
    },
  }
}

export type AuthorizeService = ReturnType<typeof createAuthorizeService>
