import {
  type AnswerChallengeBody,
  type ChallengeAnswer,
  challengeType,
  enrolledChallengeTypes,
  FactorsList,
  formatTime,
  missingField,
  type OpenUnauthorizedChallengeQuery,
  type PasskeyRequest,
  parseUsername,
  RekeyError,
  type SuccessToken,
  scopes,
} from '@rekey/contracts'
import type { TokenClaims } from '@rekey/platform/auth'
import type { Broker } from '@rekey/platform/broker'
import { callRpc } from '@rekey/platform/rpc'
import type { Caller, Flow, OpenChallenge } from '../challenges/challenge.ts'
import { firstEmail } from '../challenges/challenge-request.ts'
import type { Challenges } from '../challenges/challenges.ts'
import type { Clients } from '../clients/clients.ts'
import type { OwnWays } from '../second-proofs/own-ways.ts'
import type { SecondProofs } from '../second-proofs/second-proofs.ts'
import { grantTypeOf, submittedBy } from '../second-proofs/submitted-code.ts'
import type { IssuedToken } from '../tokens/issue-token.ts'
import type { Tokens } from '../tokens/tokens.ts'

export interface TwoFactorDeps {
  clients: Clients
  challenges: Challenges
  tokens: Tokens
  broker: Broker
  secondProofs: SecondProofs
  ownWays: OwnWays
}

/** The broker contract has no redirect and no state: its challenges are bound to the client alone. */
const noRedirect = { redirectUri: '', state: '', codeChallenge: undefined }

/** What the code of a challenge gives a grant for. */
const grantFlowOf = (flow: Flow) => {
  if (flow === 'brokerFactors') return 'changeFactors'
  return flow === 'brokerChange' ? 'change' : 'restore'
}

/** @throws RekeyError invalid_request unless exactly one of the two is given */
const usernameOf = ({ email, phone }: OpenUnauthorizedChallengeQuery): string => {
  if ((email === undefined) === (phone === undefined)) {
    throw new RekeyError('invalid_request', {
      detail: 'Exactly one of email and phone must be given.',
      fields: [{ field: 'email', code: 'not_exactly_one', message: 'or phone must be given, and not both' }],
    })
  }
  return email ?? phone ?? ''
}

/** A sent code of a restore, for the hosted page, which displays the verification code. */
export interface RestoreCode {
  token: string
  verificationCode: string
  expiresAt: Date
}

/** B5, B5b, B6: the two-factor procedure of the broker contract. */
export const createTwoFactorService = (deps: TwoFactorDeps) => {
  const { clients, challenges, tokens, broker, secondProofs, ownWays } = deps
  const openRestore = async (
    username: string,
    clientId: string,
    caller: Caller,
    authorization?: string,
  ): Promise<OpenChallenge> => {
    if (!clients.find(clientId)?.scopes.includes(scopes.restore)) throw new RekeyError('access_denied')
    await clients.identify({ body: { client_id: clientId }, authorization, address: caller.address })
    const request = { ...noRedirect, clientId, scope: scopes.restore }
    return challenges.openRestore('brokerRestore', username, request, caller)
  }
  const answerOf = (challenge: OpenChallenge, provider: string): ChallengeAnswer => ({
    token: tokens.issueMfaToken(challenge),
    provider,
    expiresAt: formatTime(challenge.expiresAt),
  })
  const restoreCodeOf = (challenge: OpenChallenge): RestoreCode => ({
    token: tokens.issueMfaToken(challenge),
    verificationCode: challenge.verificationCode,
    expiresAt: challenge.expiresAt,
  })

  const successOf = ({ token, expiresAt }: IssuedToken): SuccessToken => ({
    successToken: token,
    expiresAt: formatTime(expiresAt),
  })

  /** Opens a change of second factors: an enrolled method proves it, where there is one (S57). */
  const openFactors = async ({ sub, sid, session_epoch, client_id, scope }: TokenClaims, caller: Caller) => {
    if (!scope.split(' ').includes(scopes.full)) throw new RekeyError('insufficient_scope')
    const { methods } = await callRpc(broker, FactorsList, { customer: sub })
    const byDevice = methods.filter((method) => method !== 'recovery_code')
    const challengeTypes: string[] = [
      ...(byDevice.length > 0 ? byDevice.map((method) => enrolledChallengeTypes[method]) : [firstEmail]),
      ...(methods.includes('recovery_code') ? [enrolledChallengeTypes.recovery_code] : []),
    ]
    const signedIn = { customer: sub, sessionId: sid, sessionEpoch: session_epoch }
    const request = { ...noRedirect, clientId: client_id, scope: scopes.full }
    const kind = { flow: 'brokerFactors' as const, challengeTypes }
    const challenge = await challenges.openChange(signedIn, request, caller, kind)
    const publicKey = methods.includes('passkey')
      ? await ownWays.choose(challenge, '', enrolledChallengeTypes.passkey, caller)
      : undefined
    return { challenge, challengeTypes, publicKey }
  }

  return {
    /** B5. @throws RekeyError too_many_requests, unavailable */
    async openChange({ sub, sid, session_epoch, client_id }: TokenClaims, caller: Caller): Promise<ChallengeAnswer> {
      const signedIn = { customer: sub, sessionId: sid, sessionEpoch: session_epoch }
      const request = { ...noRedirect, clientId: client_id, scope: scopes.change }
      return answerOf(await challenges.openChange(signedIn, request, caller), 'email')
    },

    /** B5 for a change of second factors. @throws RekeyError insufficient_scope, too_many_requests, unavailable */
    async openFactorsChange(claims: TokenClaims, caller: Caller): Promise<ChallengeAnswer> {
      const { challenge, publicKey } = await openFactors(claims, caller)
      const provider = challenge.device === firstEmail ? 'email' : challenge.device
      return { ...answerOf(challenge, provider), ...(publicKey && { publicKey }) }
    },

    /** The same for the account pages, which offer each way. */
    async openFactorsCode(
      claims: TokenClaims,
      caller: Caller,
    ): Promise<RestoreCode & { challengeTypes: string[]; publicKey: PasskeyRequest | undefined }> {
      const { challenge, challengeTypes, publicKey } = await openFactors(claims, caller)
      return { ...restoreCodeOf(challenge), challengeTypes, publicKey }
    },

    /** B5 for the account pages, which display the verification code. @throws RekeyError too_many_requests, unavailable */
    async openChangeCode({ sub, sid, session_epoch, client_id }: TokenClaims, caller: Caller): Promise<RestoreCode> {
      const signedIn = { customer: sub, sessionId: sid, sessionEpoch: session_epoch }
      const request = { ...noRedirect, clientId: client_id, scope: scopes.change }
      return restoreCodeOf(await challenges.openChange(signedIn, request, caller))
    },

    /** Sends a new code of a change. @throws RekeyError invalid_grant, access_denied, too_many_requests, unavailable */
    async resendChangeCode(token: string, caller: Caller): Promise<RestoreCode> {
      return restoreCodeOf(await challenges.send(tokens.readMfaToken(token), noRedirect.state, firstEmail, caller))
    },

    /**
     * B5b. A confidential client authenticates by Basic: a URL must not contain its secret (RFC 6749 §2.3.1). The answer
     * never depends on the account (S11).
     *
     * @throws RekeyError invalid_request, access_denied (client), invalid_client (a confidential client without its
     * secret), unavailable
     */
    async openRestore(
      query: OpenUnauthorizedChallengeQuery,
      caller: Caller,
      authorization?: string,
    ): Promise<ChallengeAnswer> {
      const username = usernameOf(query)
      const clientId = query.client_id ?? clients.defaultClientId
      if (clientId === undefined) throw missingField('client_id')
      const challenge = await openRestore(username, clientId, caller, authorization)
      return answerOf(challenge, query.phone === undefined ? 'email' : 'sms')
    },

    /** B5b for the hosted restore, whose client is a public one. @throws RekeyError access_denied (client), invalid_client, unavailable */
    async openRestoreCode(username: string, clientId: string, caller: Caller): Promise<RestoreCode> {
      return restoreCodeOf(await openRestore(username, clientId, caller))
    },

    /** Sends a new code for the hosted restore. @throws RekeyError invalid_grant, access_denied, too_many_requests, unavailable */
    async resendRestoreCode(token: string, username: string, caller: Caller): Promise<RestoreCode> {
      const device = challengeType(parseUsername(username))
      const challenge = tokens.readMfaToken(token)
      await clients.identifyOwner({ body: {}, authorization: undefined, address: caller.address }, challenge.clientId)
      return restoreCodeOf(await challenges.send(challenge, noRedirect.state, device, caller))
    },

    /** B6. @throws RekeyError invalid_grant, access_denied (five failed attempts), too_many_requests, unavailable */
    async answer({ token, ...given }: AnswerChallengeBody, caller: Caller): Promise<SuccessToken> {
      const second = await tokens.readSecondProof(token)
      if (second) {
        const submitted = submittedBy(grantTypeOf(second, given), given)
        return successOf(tokens.issueSuccessToken(await secondProofs.prove(second, submitted, '', caller)))
      }
      const challenge = tokens.readMfaToken(token)
      const { device: chosen, purpose } = challenge
      const byCode = grantTypeOf({ chosen, challengeTypes: [] }, given)
      const grantType = purpose === 'change' || byCode === 'mfa_webauthn' ? byCode : 'mfa_oob'
      const { customer, sessionId, sessionEpoch, clientId, scope, answeredAt, proof, flow } = await challenges.answer(
        challenge,
        submittedBy(grantType, given),
        { flows: ['brokerRestore', 'brokerChange', 'brokerFactors'], clientId: '', state: '', scope: '' },
        caller,
      )
      const issued = tokens.issueSuccessToken({
        flow: grantFlowOf(flow),
        subject: customer || challenge.challengeId,
        clientId,
        scope,
        challengeId: challenge.challengeId,
        answeredAt,
        // The password-service knows which address the code of a change went to.
        ...(flow !== 'brokerChange' && proof && { proofs: [proof] }),
        // The grant of a change ends with the session that requested it.
        ...(sessionId !== '' && { sessionId }),
        ...(sessionEpoch !== '' && { sessionEpoch: Number(sessionEpoch) }),
      })
      return successOf(issued)
    },
  }
}

export type TwoFactorService = ReturnType<typeof createTwoFactorService>
