import { accessTokenSeconds, amrOf, audiences, grantSeconds, type Proof, RekeyError, scopes } from '@rekey/contracts'
import type { TokenClaims } from '@rekey/platform/auth'
import type { Now } from '@rekey/platform/clock'
import type { Logger } from '@rekey/platform/logger'
import type { Random } from '@rekey/platform/random'
import { recordedTrace } from '@rekey/platform/trace'
import type { ClientRegistry } from '../clients/client-registry.ts'
import type { SigningKeys } from './signing-keys.ts'

interface Deps {
  keys: Pick<SigningKeys, 'sign'>
  clients: Pick<ClientRegistry, 'find'>
  issuer: string
  now: Now
  random: Random
  log: Logger
}

/** The scopes that each flow may grant. The back office's come out of client credentials alone (S40). */
const flowScopes = {
  restore: [scopes.restore],
  change: [scopes.change],
  changeFactors: [scopes.full],
  signIn: [scopes.full, scopes.change],
  clientCredentials: [scopes.backOffice],
} satisfies Record<string, readonly string[]>

/** Subject, client and rights of a token. */
export interface TokenSubject {
  /** How the rights were proven. */
  flow: keyof typeof flowScopes
  /** The customer's code; the challenge id in a restore, where the customer is not known; or the client itself. */
  subject: string
  clientId: string
  scope: string
  /** Only in tokens of a back-office client: its owner. */
  owner?: string | undefined
  challengeId?: string
  /** Proofs of a grant; they stand in it, and `amr` follows from them. */
  proofs?: Proof[] | undefined
  /** Authentication methods of a sign-in (RFC 8176). */
  amr?: readonly string[] | undefined
  /** When the customer submitted the confirmation code (`auth_time`); in a refresh: that of the sign-in. */
  answeredAt?: Date | undefined
  /** An existing session, or an id chosen before; without one the token gets a session id of its own. */
  sessionId?: string
  /** Only in customers' tokens: the epoch of the sign-in. */
  sessionEpoch?: number
  /** End of the session: no token of it lives longer. */
  endsAt?: Date
}

export interface IssuedToken {
  token: string
  expiresInSeconds: number
  expiresAt: Date
}

const grantOf: Record<string, TokenClaims['purpose']> = { [scopes.restore]: 'restore', [scopes.change]: 'change' }

/** Issues access tokens and success tokens (RFC 9068). */
export const createTokenIssuer = ({ keys, clients, issuer, now, random, log }: Deps) => {
  /** The scopes that a client is registered for now. CUSTOMER:FULL includes the change of the password. */
  const scopesOf = (clientId: string, flow: TokenSubject['flow']): readonly string[] => {
    const client = clients.find(clientId)
    // The identity provider's clients are not registered here: their customers may change the password (B5).
    if (!client) return flow === 'change' || flow === 'changeFactors' ? flowScopes[flow] : []
    return client.scopes.includes(scopes.full) ? [...client.scopes, scopes.change] : client.scopes
  }

  /**
   * The last check before a signature (S40), whatever the caller or Redis said before.
   *
   * @throws RekeyError invalid_grant
   */
  const assertMayHave = ({ flow, clientId, scope }: TokenSubject): void => {
    const items = scope.split(' ')
    const ofFlow: readonly string[] = flowScopes[flow]
    const ofClient = scopesOf(clientId, flow)
    const fits = (allowed: readonly string[]) => items.every((item) => allowed.includes(item))
    if (fits(ofFlow) && fits(ofClient)) return
    // A flow never asks for another flow's scope. A client's registration may change while a flow is in progress.
    const reason = fits(ofFlow) ? 'not a scope of the client' : 'tampering: not a scope of the flow'
    log.event('token_refused', { flow, clientId, scope, reason })
    throw new RekeyError('invalid_grant')
  }

  const issue = (given: TokenSubject, use: 'access' | 'sign'): IssuedToken => {
    assertMayHave(given)
    const { subject, clientId, scope, owner, challengeId, answeredAt, proofs } = given
    const { amr = proofs && amrOf(proofs) } = given
    const restoreProofs = clients.find(clientId)?.restoreProofs
    const { sessionId = random.id(), sessionEpoch, endsAt } = given
    // A token with a password scope alone is a grant: short-lived, and spent by one change or restore.
    const ofFlow = given.flow === 'changeFactors' ? given.flow : grantOf[scope]
    const purpose = challengeId === undefined ? undefined : ofFlow
    const aud = [...(use === 'access' ? [audiences.api] : []), ...(purpose ? [audiences.grant] : [])]
    const issuedAt = Math.floor(now().getTime() / 1_000)
    const sessionSeconds = endsAt ? Math.floor(endsAt.getTime() / 1_000) - issuedAt : Number.POSITIVE_INFINITY
    const expiresInSeconds = Math.min(purpose ? grantSeconds : accessTokenSeconds, sessionSeconds)
    const trace = recordedTrace()
    const claims: TokenClaims = {
      iss: issuer,
      aud,
      sub: subject,
      jti: random.id(),
      iat: issuedAt,
      exp: issuedAt + expiresInSeconds,
      ...(amr && amr.length > 0 && { amr: [...amr] }),
      client_id: clientId,
      scope,
      sid: sessionId,
      ...(answeredAt && { auth_time: Math.floor(answeredAt.getTime() / 1_000) }),
      ...(owner !== undefined && { owner }),
      ...(sessionEpoch !== undefined && { session_epoch: sessionEpoch }),
      ...(purpose &&
        challengeId && {
          purpose,
          challenge_id: challengeId,
          ...(proofs && { proofs }),
          ...(restoreProofs && { restore_proofs: restoreProofs }),
          ...(trace && { trace }),
        }),
    }
    return {
      token: keys.sign(claims, clients.find(clientId)?.token_signing_alg),
      expiresInSeconds,
      expiresAt: new Date((issuedAt + expiresInSeconds) * 1_000),
    }
  }

  return {
    /** An access token: its scope opens routes. With a password scope alone it is a grant as well. */
    issueAccessToken: (subject: TokenSubject): IssuedToken => issue(subject, 'access'),

    /** A success token (`sign_token`): a grant that opens no route. */
    issueSuccessToken: (subject: TokenSubject): IssuedToken => issue(subject, 'sign'),
  }
}
