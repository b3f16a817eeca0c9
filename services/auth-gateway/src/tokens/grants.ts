import { createHash, timingSafeEqual } from 'node:crypto'
import { LoginSucceeded, missingField, RekeyError, type TokenAnswer, type TokenBody } from '@rekey/contracts'
import type { Logger } from '@rekey/platform/logger'
import type { Recorder } from '@rekey/platform/recorder'
import type { Caller, Challenges } from '../challenges/challenges.service.ts'
import type { Client, Clients } from '../clients/clients.ts'
import { checkScope } from '../clients/scope.ts'
import type { AuthorizationCodes } from './authorization-codes.store.ts'
import { readBasicCredentials } from './basic-credentials.ts'
import type { IssuedToken, Tokens } from './tokens.ts'

interface Deps {
  clients: Clients
  challenges: Challenges
  authorizationCodes: AuthorizationCodes
  tokens: Tokens
  recorder: Recorder
  log: Logger
}

/** What came with a request, and where it came from. */
export interface TokenRequest {
  body: TokenBody
  /** The header, for a client that authenticates by HTTP Basic. */
  authorization: string | undefined
  caller: Caller
}

type Grant = (request: TokenRequest) => Promise<TokenAnswer>

/** @throws RekeyError invalid_request naming the field */
const required = <T>(value: T | undefined, field: string): T => {
  if (value === undefined) throw missingField(field)
  return value
}

const answer = (issued: IssuedToken, scope: string, state: string | undefined): TokenAnswer => ({
  access_token: issued.token,
  token_type: 'bearer',
  expires_in: issued.expiresInSeconds,
  scope,
  ...(state !== undefined && { state }),
})

/** Whether the verifier belongs to the S256 challenge (RFC 7636 §4.6). */
const provesKey = (verifier: string, challenge: string): boolean => {
  const hashed = Buffer.from(createHash('sha256').update(verifier).digest('base64url'))
  const kept = Buffer.from(challenge)
  return hashed.length === kept.length && timingSafeEqual(hashed, kept)
}

/** A5: one function a grant type. */
export const createGrants = ({ clients, challenges, authorizationCodes, tokens, recorder, log }: Deps) => {
  /**
   * The client that asks. A confidential one proves itself, by Basic or in the body, not both (RFC 6749 §2.3); so does
   * any that brings a secret.
   *
   * @throws RekeyError invalid_client, invalid_request
   */
  const clientOf = ({ body, authorization }: TokenRequest): Client | undefined => {
    const basic = readBasicCredentials(authorization)
    if (basic && (body.client_secret !== undefined || (body.client_id ?? basic.clientId) !== basic.clientId)) {
      throw new RekeyError('invalid_request', { detail: 'The client authenticates in two ways at once.' })
    }
    const clientId = basic?.clientId ?? body.client_id
    const secret = basic?.secret ?? body.client_secret
    if (clientId === undefined) {
      if (secret !== undefined) throw new RekeyError('invalid_client')
      return undefined
    }
    const client = clients.find(clientId)
    if (client?.type === 'public' && secret === undefined) return client
    return clients.authenticate(clientId, secret ?? '')
  }

  /** After the password, the code: a customer's sign-in. */
  const mfaOob: Grant = async (request) => {
    const { body, caller } = request
    const client = clientOf(request)
    const challengeId = tokens.readMfa(required(body.mfa_token, 'mfa_token'))
    const must = {
      flows: ['oauthLogin' as const],
      clientId: client?.client_id ?? '',
      state: body.state ?? '',
      scope: body.scope ?? '',
    }
    const challenge = await challenges.answer(challengeId, required(body.code, 'code'), must, caller)
    const { customer, clientId, scope } = challenge
    // Whoever named no client is taken for the one that signed the person in, which must not have a secret to prove.
    if (!client && clients.find(clientId)?.type !== 'public') throw new RekeyError('invalid_client')
    const issued = tokens.access({ subject: customer, clientId, scope, challengeId })
    log.info({ event: 'authn_login_success', customer, clientId, address: caller.address })
    recorder.record(LoginSucceeded, { subject: customer, data: { customer, clientId, ip: caller.address } })
    return answer(issued, scope, challenge.state)
  }

  /** RFC 6749 §4.4. */
  const clientCredentials: Grant = async (request) => {
    const client = clientOf(request)
    if (!client) throw new RekeyError('invalid_client')
    if (client.type === 'public') throw new RekeyError('unauthorized_client')
    const scope = request.body.scope ?? client.scopes.join(' ')
    checkScope(scope, client.scopes, client)
    const issued = tokens.access({ subject: client.client_id, clientId: client.client_id, scope })
    return answer(issued, scope, request.body.state)
  }

  /** RFC 6749 §4.1.3, with RFC 7636 for public clients. */
  const authorizationCode: Grant = async (request) => {
    const { body } = request
    const code = String(required(body.code, 'code'))
    const client = clientOf(request)
    if (!client) throw missingField('client_id')
    const authorization = await authorizationCodes.take(code)
    if (authorization?.clientId !== client.client_id) throw new RekeyError('invalid_grant')
    if (authorization.redirectUri !== required(body.redirect_uri, 'redirect_uri')) throw new RekeyError('invalid_grant')
    const { codeChallenge } = authorization
    if (codeChallenge === undefined && client.type === 'public') {
      throw new RekeyError('invalid_grant', { detail: 'A public client needs PKCE (S256) to redeem a code.' })
    }
    if (codeChallenge !== undefined && !provesKey(required(body.code_verifier, 'code_verifier'), codeChallenge)) {
      throw new RekeyError('invalid_grant')
    }
    return answer(tokens.access(authorization), authorization.scope, body.state)
  }

  const byType = new Map<string, Grant>([
    ['mfa_oob', mfaOob],
    ['client_credentials', clientCredentials],
    ['authorization_code', authorizationCode],
    // The vendor's older name of the same.
    ['code', authorizationCode],
  ])

  /**
   * @throws RekeyError invalid_request, unsupported_grant_type, invalid_client, invalid_grant, access_denied,
   * invalid_scope, unauthorized_client (RFC 6749 §5.2), unavailable
   */
  return async (request: TokenRequest): Promise<TokenAnswer> => {
    const grant = byType.get(required(request.body.grant_type, 'grant_type'))
    if (!grant) throw new RekeyError('unsupported_grant_type')
    return grant(request)
  }
}

export type Grants = ReturnType<typeof createGrants>
