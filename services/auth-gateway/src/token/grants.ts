import {
  accessTokenSeconds,
  amrOf,
  type grantTypes,
  LoginSucceeded,
  missingField,
  type ProofGrantType,
  RekeyError,
  scopes,
  type TokenAnswer,
  type TokenBody,
} from '@rekey/contracts'
import type { Now } from '@rekey/platform/clock'
import type { Logger } from '@rekey/platform/logger'
import type { Publisher } from '@rekey/platform/publisher'
import type { Random } from '@rekey/platform/random'
import type { Challenges } from '../challenges/challenges.ts'
import type { ClientCredentials } from '../clients/authentication.ts'
import { countedAddressOf } from '../clients/client-asserted-ip.ts'
import type { Clients } from '../clients/clients.ts'
import type { Client } from '../clients/registry-file.ts'
import { checkScope, normaliseScope } from '../clients/scope.ts'
import type { Limits } from '../limits/limits.ts'
import { submittedBy } from '../second-proofs/submitted-code.ts'
import { refreshTokenRefused, type Session } from '../sessions/sessions.service.ts'
import type { Sessions } from '../sessions/sessions.ts'
import type { SignInSteps } from '../steps/sign-in-steps.ts'
import type { IssuedToken } from '../tokens/issue-token.ts'
import { challengeOfVerifier } from '../tokens/pkce.ts'
import type { Tokens } from '../tokens/tokens.ts'

interface Deps {
  limits: Limits
  clients: Clients
  challenges: Challenges
  sessions: Sessions
  tokens: Tokens
  publisher: Publisher
  steps: SignInSteps
  now: Now
  random: Random
  log: Logger
}

export interface TokenRequest extends ClientCredentials {
  body: TokenBody
  /** Longest life of a session that begins, if it is not that of all sessions (ms). */
  sessionMs?: number
}

/** `client`: the client that the request names; a confidential one is authenticated. */
type GrantType = (request: TokenRequest, client: Client | undefined) => Promise<TokenAnswer>

/** @throws RekeyError invalid_request that names the field */
const required = <T>(value: T | undefined, field: string): T => {
  if (value === undefined) throw missingField(field)
  return value
}

interface AnswerFields {
  scope: string
  state: string | undefined
  refreshToken?: string | undefined
}

const answerOf = (issued: IssuedToken, { scope, state, refreshToken }: AnswerFields): TokenAnswer => ({
  access_token: issued.token,
  ...(refreshToken !== undefined && { refresh_token: refreshToken }),
  token_type: 'bearer',
  expires_in: issued.expiresInSeconds,
  scope,
  ...(state !== undefined && { state }),
})

/** A5: one function a grant type. `password` and the implicit grant are left out on purpose (RFC 9700 §2.1.2, §2.4). */
export const createGrant = (deps: Deps) => {
  const { limits, clients, challenges, sessions, tokens, publisher, steps, now, random, log } = deps

  /**
   * Publishes a sign-in before its tokens are sent: the event spends a temporary password.
   *
   * @throws RekeyError unavailable, with no session left behind
   */
  const publishSignIn = async (session: Session, address: string) => {
    const { subject: customer, sessionId, sessionEpoch, clientId } = session
    try {
      const data = { customer, clientId, ip: address, sessionId, sessionEpoch }
      await publisher.publish(LoginSucceeded, { subject: customer, data })
    } catch (error) {
      await sessions.discard(session)
      throw error
    }
    log.event('authn_login_success', { customer, clientId, address })
  }

  /** The second proof that follows the password completes a sign-in. */
  const completeSignIn =
    (grantType: ProofGrantType): GrantType =>
    async ({ body, address, sessionMs }, client) => {
      const name = tokens.readMfaToken(required(body.mfa_token, 'mfa_token'))
      // Before the code is compared: events name the client only after it authenticated (S46).
      clients.owner(client, name.clientId)
      const binding = {
        flows: ['oauthLogin' as const],
        clientId: client?.client_id ?? '',
        state: body.state ?? '',
        scope: normaliseScope(body.scope ?? ''),
      }
      const caller = { address, countedAddress: countedAddressOf(client, body.ip, address) }
      const submitted = submittedBy(grantType, body)
      const challenge = await challenges.answer(name, submitted, binding, caller)
      const { challengeId, customer, clientId, scope, state, answeredAt, proof } = challenge
      // The older of the two proofs.
      const provenAt = name.provenAt ?? answeredAt
      const amr = amrOf([{ method: 'password' }, ...(proof ? [proof] : [])])
      const epoch = Number(challenge.sessionEpoch)
      const ip = caller.countedAddress
      const session = await steps.run('completed', async () => {
        const begun = await sessions.begin({
          customer,
          clientId,
          scope,
          epoch,
          answeredAt: provenAt,
          amr,
          ip,
          sessionMs,
        })
        await publishSignIn(begun, address)
        return begun
      })
      steps.observe('completed', (now().getTime() - answeredAt.getTime()) / 1_000)
      // A4 spends quotas of the username, A4b those of the customer. The answer waits for neither.
      for (const account of [challenge.usernameAccount, challenge.account]) {
        void limits.rememberNetwork({ account, address: caller.countedAddress })
      }
      const { refreshToken } = session
      return answerOf(tokens.issueAccessToken({ flow: 'signIn', ...session, challengeId }), {
        scope,
        state,
        refreshToken,
      })
    }

  /** RFC 6749 §6. */
  const refreshToken: GrantType = async ({ body, address }, client) => {
    const token = await sessions.read(required(body.refresh_token, 'refresh_token'))
    const owner = token && clients.owner(client, token.clientId)
    if (!token || !owner) throw refreshTokenRefused()
    const ip = countedAddressOf(client, body.ip, address)
    const session = await sessions.refresh(token, normaliseScope(body.scope ?? ''), owner.scopes, ip)
    return answerOf(tokens.issueAccessToken({ flow: 'signIn', ...session }), { ...session, state: body.state })
  }

  /**
   * RFC 6749 §4.4. Never grants a customer's scope: the subject is the client, which could not be told from a customer
   * with the same code (RFC 9700 §4.15).
   */
  const clientCredentials: GrantType = async ({ body }, client) => {
    if (!client) throw new RekeyError('invalid_client')
    if (client.type === 'public' || !client.scopes.includes(scopes.backOffice)) {
      throw new RekeyError('unauthorized_client')
    }
    const { state } = body
    const scope = checkScope(body.scope ?? scopes.backOffice, [scopes.backOffice], client)
    const { client_id: clientId, owner } = client
    const issued = tokens.issueAccessToken({ flow: 'clientCredentials', subject: clientId, clientId, scope, owner })
    return answerOf(issued, { scope, state })
  }

  /** RFC 6749 §4.1.3, with RFC 7636 for public clients. A replayed code revokes the token that it was redeemed for (S26). */
  const authorizationCode: GrantType = async ({ body }, client) => {
    const code = String(required(body.code, 'code'))
    if (!client) throw missingField('client_id')
    const tokenLifeMs = accessTokenSeconds * 1_000
    const sessionId = random.id()
    const redemption = await tokens.authorizationCodes.redeem(code, {
      clientId: client.client_id,
      redirectUri: required(body.redirect_uri, 'redirect_uri'),
      codeChallenge: challengeOfVerifier(body.code_verifier),
      pkceRequired: client.type === 'public',
      sessionId,
      tokenLifeMs,
    })
    if (redemption.result === 'replayed') {
      await sessions.end({ ...redemption, reason: 'code_replayed' }, new Date(now().getTime() + tokenLifeMs))
    }
    if (redemption.result === 'unprotected') {
      throw new RekeyError('invalid_grant', { detail: 'A public client needs PKCE (S256) to redeem a code.' })
    }
    if (redemption.result !== 'redeemed') throw new RekeyError('invalid_grant')
    const { authorization } = redemption
    const issued = tokens.issueAccessToken({ flow: 'restore', ...authorization, sessionId })
    return answerOf(issued, { scope: authorization.scope, state: body.state })
  }

  const signInGrants = {
    mfa_oob: completeSignIn('mfa_oob'),
    mfa_otp: completeSignIn('mfa_otp'),
    mfa_recovery_code: completeSignIn('mfa_recovery_code'),
    mfa_webauthn: completeSignIn('mfa_webauthn'),
  }
  const grants: Record<(typeof grantTypes)[number], GrantType> = {
    ...signInGrants,
    authorization_code: authorizationCode,
    code: authorizationCode,
    refresh_token: refreshToken,
    client_credentials: clientCredentials,
  }

  /**
   * @throws RekeyError invalid_request, invalid_client, invalid_grant, access_denied,
   * invalid_scope, unauthorized_client (RFC 6749 §5.2), too_many_requests, unavailable
   */
  return async (request: TokenRequest): Promise<TokenAnswer> => {
    const grantType = required(request.body.grant_type, 'grant_type')
    const grant = grants[grantType]
    const client = await clients.identify(request)
    // A submitted code has quotas of its own; an authenticated client may request many tokens, for all of its users.
    if (!Object.hasOwn(signInGrants, grantType) && client?.type !== 'confidential')
      await limits.spendToken(request.address)
    return grant(request, client)
  }
}

export type Grant = ReturnType<typeof createGrant>
