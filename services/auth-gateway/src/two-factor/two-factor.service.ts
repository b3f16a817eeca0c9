import {
  type AnswerChallengeBody,
  type ChallengeAnswer,
  challengeType,
  formatTime,
  missingField,
  type OpenUnauthorizedChallengeQuery,
  parseUsername,
  RekeyError,
  type SuccessToken,
  scopes,
} from '@rekey/contracts'
import type { TokenClaims } from '@rekey/platform/auth'
import type { Clients } from '../clients/clients.ts'
import type { Tokens } from '../tokens/tokens.ts'
import type { Caller, Challenges, OpenChallenge } from '../challenges/challenges.service.ts'

interface Deps {
  clients: Clients
  defaultClientId: string | undefined
  challenges: Challenges
  tokens: Tokens
}

/** The broker contract has no redirect and no state: its challenges are bound to the client alone. */
const noRedirect = { redirectUri: '', state: '', codeChallenge: undefined }

/** Whom the code is for: exactly one of the two. */
const usernameOf = ({ email, phone }: OpenUnauthorizedChallengeQuery): string => {
  if ((email === undefined) === (phone === undefined)) {
    throw new RekeyError('invalid_request', {
      detail: 'Exactly one of email and phone must be given.',
      fields: [{ field: 'email', code: 'not_exactly_one', message: 'or phone must be given, and not both' }],
    })
  }
  return email ?? `+${phone?.slice(1)}`
}

/** A restore's code that was sent, for a page of ours that shows the verification code. */
export interface RestoreCode {
  token: string
  verificationCode: string
}

const answerOf = (tokens: Tokens, challenge: OpenChallenge, provider: 'email' | 'sms'): ChallengeAnswer => ({
  token: tokens.mfa(challenge),
  provider,
  expiresAt: formatTime(challenge.expiresAt),
})

/** B5, B5b, B6: the two-factor procedure of the broker contract. */
export const createTwoFactor = ({ clients, defaultClientId, challenges, tokens }: Deps) => {
  const openRestore = async (username: string, clientId: string, caller: Caller): Promise<OpenChallenge> => {
    if (!clients.find(clientId)?.scopes.includes(scopes.restore)) throw new RekeyError('access_denied')
    const request = { ...noRedirect, clientId, scope: scopes.restore }
    return challenges.openRestore('brokerRestore', username, request, caller)
  }
  const restoreCodeOf = (challenge: OpenChallenge): RestoreCode => ({
    token: tokens.mfa(challenge),
    verificationCode: challenge.verificationCode,
  })

  return {
    /** @throws RekeyError unavailable */
    async openChange({ sub, sid, session_epoch, client_id }: TokenClaims, caller: Caller): Promise<ChallengeAnswer> {
      const signedIn = { customer: sub, sessionId: sid, sessionEpoch: session_epoch }
      const request = { ...noRedirect, clientId: client_id, scope: scopes.change }
      return answerOf(tokens, await challenges.openChange(signedIn, request, caller), 'email')
    },

    /** @throws RekeyError invalid_request, access_denied (client), unavailable; nothing that depends on the account */
    async openRestore(query: OpenUnauthorizedChallengeQuery, caller: Caller): Promise<ChallengeAnswer> {
      const username = usernameOf(query)
      const clientId = query.client_id ?? defaultClientId
      if (clientId === undefined) throw missingField('client_id')
      const challenge = await openRestore(username, clientId, caller)
      return answerOf(tokens, challenge, query.phone === undefined ? 'email' : 'sms')
    },

    /** B5b for the hosted restore. @throws RekeyError access_denied (client), unavailable */
    async openRestoreCode(username: string, clientId: string, caller: Caller): Promise<RestoreCode> {
      return restoreCodeOf(await openRestore(username, clientId, caller))
    },

    /** @throws RekeyError invalid_grant (it is over), access_denied, too_many_requests, unavailable */
    async resendRestoreCode(token: string, username: string, caller: Caller): Promise<RestoreCode> {
      const device = challengeType(parseUsername(username))
      return restoreCodeOf(await challenges.send(tokens.readMfa(token), noRedirect.state, device, caller))
    },

    /** @throws RekeyError invalid_grant, access_denied (five wrong codes), unavailable */
    async answer({ token, code }: AnswerChallengeBody, caller: Caller): Promise<SuccessToken> {
      const challenge = tokens.readMfa(token)
      const { customer, sessionId, sessionEpoch, clientId, scope } = await challenges.answer(
        challenge,
        code,
        { flows: ['brokerRestore', 'brokerChange'], clientId: '', state: '', scope: '' },
        caller,
      )
      const issued = tokens.sign({
        subject: customer || challenge.challengeId,
        clientId,
        scope,
        challengeId: challenge.challengeId,
        // A change's grant is over with the session that asked for it.
        ...(sessionId !== '' && { sessionId }),
        ...(sessionEpoch !== '' && { sessionEpoch: Number(sessionEpoch) }),
      })
      return { successToken: issued.token, expiresAt: formatTime(issued.expiresAt) }
    },
  }
}

export type TwoFactor = ReturnType<typeof createTwoFactor>
