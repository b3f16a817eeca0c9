import {
  accessTokenSeconds,
  LoginSucceeded,
  missingField,
  RekeyError,
  scopes,
  type TokenAnswer,
  type TokenBody,
} from '@rekey/contracts'
import type { Now } from '@rekey/platform/clock'
import type { Logger } from '@rekey/platform/logger'
import type { Publisher } from '@rekey/platform/publisher'
import type { Random } from '@rekey/platform/random'
import type { Challenges } from '../challenges/challenges.service.ts'
import type { Client } from '../clients/registry.ts'
import { checkScope } from '../clients/scope.ts'
import type { Limits } from '../limits/limits.service.ts'
import type { Session, Sessions } from '../sessions/sessions.service.ts'
import type { AuthorizationCodes } from '../tokens/authorization-codes.store.ts'
import type { ClientAuthentication, ClientProof } from '../clients/authentication.ts'
import { challengeOfVerifier } from '../tokens/pkce.ts'
import type { IssuedToken, Tokens } from '../tokens/tokens.ts'
import { vouchedBy } from '../clients/client-asserted-ip.ts'

interface Deps {
  clientAuthentication: ClientAuthentication
  limits: Limits
  challenges: Challenges
  authorizationCodes: AuthorizationCodes
  sessions: Sessions
  tokens: Tokens
  publisher: Publisher
  now: Now
  random: Random
  log: Logger
}

/** What came with a request, and where it came from. */
export interface TokenRequest extends ClientProof {
  body: TokenBody
}

/** `client`: the one that asks, where it is named; a confidential one has proven itself. */
type Grant = (request: TokenRequest, client: Client | undefined) => Promise<TokenAnswer>

/** @throws RekeyError invalid_request naming the field */
const required = <T>(value: T | undefined, field: string): T => {
  if (value === undefined) throw missingField(field)
  return value
}

interface Answered {
  scope: string
  state: string | undefined
  refreshToken?: string | undefined
}

const answer = (issued: IssuedToken, { scope, state, refreshToken }: Answered): TokenAnswer => ({
  access_token: issued.token,
  ...(refreshToken !== undefined && { refresh_token: refreshToken }),
  token_type: 'bearer',
  expires_in: issued.expiresInSeconds,
  scope,
  ...(state !== undefined && { state }),
})

/** A5: one function a grant type. */
export const createGrants = (deps: Deps) => {
  const {
    clientAuthentication,
    limits,
    challenges,
    authorizationCodes,
    sessions,
    tokens,
    publisher,
    now,
    random,
    log,
  } = deps

  /**
   * Tells of a sign-in before its tokens leave: a temporary password is spent by it.
   *
   * @throws RekeyError unavailable, with no session left behind
   */
  const announce = async (session: Session, address: string) => {
    const { subject: customer, sessionId, sessionEpoch, clientId } = session
    try {
      const data = { customer, clientId, ip: address, sessionId, sessionEpoch }
      await publisher.publish(LoginSucceeded, { subject: customer, data })
    } catch (error) {
      await sessions.discard(session)
      throw error
    }
    log.info({ event: 'authn_login_success', customer, clientId, address })
  }

  /** After the password, the code: a customer's sign-in. */
  const mfaOob: Grant = async ({ body, address }, client) => {
    const name = tokens.readMfa(required(body.mfa_token, 'mfa_token'))
    const must = {
      flows: ['oauthLogin' as const],
      clientId: client?.client_id ?? '',
      state: body.state ?? '',
      scope: body.scope ?? '',
    }
    const caller = { address, limitedAddress: vouchedBy(client, body.ip, { address }) }
    const challenge = await challenges.answer(name, required(body.code, 'code'), must, caller)
    const { challengeId, customer, clientId, scope, state } = challenge
    clientAuthentication.owner(client, clientId)
    const session = await sessions.begin({ customer, clientId, scope, epoch: Number(challenge.sessionEpoch) })
    await announce(session, address)
    const { refreshToken } = session
    return answer(tokens.access({ ...session, challengeId }), { scope, state, refreshToken })
  }

  /** RFC 6749 §6. */
  const refreshToken: Grant = async ({ body }, client) => {
    const token = await sessions.read(required(body.refresh_token, 'refresh_token'))
    const owner = token && clientAuthentication.owner(client, token.clientId)
    // The same words as for one that is used up: what is wrong with it is not told.
    if (!token || !owner) throw sessions.refused()
    const session = await sessions.refresh(token, body.scope ?? '', owner.scopes)
    return answer(tokens.access(session), { ...session, state: body.state })
  }

  /**
   * RFC 6749 §4.4. Never a customer's scope: the token's subject is the client, and where a customer's code is the same
   * nothing would tell the two apart (RFC 9700 §4.15).
   */
  const clientCredentials: Grant = async ({ body }, client) => {
    if (!client) throw new RekeyError('invalid_client')
    if (client.type === 'public' || !client.scopes.includes(scopes.backOffice)) {
      throw new RekeyError('unauthorized_client')
    }
    const { state, scope = scopes.backOffice } = body
    checkScope(scope, [scopes.backOffice], client)
    const issued = tokens.access({ subject: client.client_id, clientId: client.client_id, scope })
    return answer(issued, { scope, state })
  }

  /** RFC 6749 §4.1.3, with RFC 7636 for public clients. A code that comes twice takes back what it gave (S26). */
  const authorizationCode: Grant = async ({ body }, client) => {
    const code = String(required(body.code, 'code'))
    if (!client) throw missingField('client_id')
    const tokenLifeMs = accessTokenSeconds * 1_000
    const sessionId = random.id()
    const redemption = await authorizationCodes.redeem(code, {
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
    return answer(tokens.access({ ...authorization, sessionId }), { scope: authorization.scope, state: body.state })
  }

  /** `password` and implicit are not here and stay out (RFC 9700 §2.1.2, §2.4). */
  const byType = new Map<string, Grant>([
    ['mfa_oob', mfaOob],
    ['refresh_token', refreshToken],
    ['client_credentials', clientCredentials],
    ['authorization_code', authorizationCode],
    // The vendor's older name of the same.
    ['code', authorizationCode],
  ])

  /**
   * @throws RekeyError invalid_request, unsupported_grant_type, invalid_client, invalid_grant, access_denied,
   * invalid_scope, unauthorized_client (RFC 6749 §5.2), too_many_requests, unavailable
   */
  return async (request: TokenRequest): Promise<TokenAnswer> => {
    const grant = byType.get(required(request.body.grant_type, 'grant_type'))
    if (!grant) throw new RekeyError('unsupported_grant_type')
    const client = await clientAuthentication.identify(request)
    // Codes have limits of their own, where they are compared; and who is proven may ask for many, for all of its users.
    if (grant !== mfaOob && client?.type !== 'confidential') await limits.spendToken(request.address)
    return grant(request, client)
  }
}

export type Grants = ReturnType<typeof createGrants>
