import { type AnswerChallengeBody, type OpenUnauthorizedChallengeQuery, RekeyError, scopes } from '@rekey/contracts'
import type { Clients } from '../clients/clients.ts'
import type { IssuedToken, Tokens } from '../tokens/tokens.ts'
import type { Caller, Challenges, OpenChallenge } from './challenges.service.ts'

interface Deps {
  clients: Clients
  defaultClientId: string
  challenges: Challenges
  tokens: Tokens
}

/** The broker contract has no redirect and no state: its challenges are bound to the client alone. */
const noRedirect = { redirectUri: '', state: '' }

/** Whom the code is for: exactly one of the two. */
const usernameOf = ({ email, phone }: OpenUnauthorizedChallengeQuery): string => {
  if ((email === undefined) === (phone === undefined)) {
    throw new RekeyError('invalid_request', {
      detail: 'Exactly one of email and phone must be given.',
      fields: [{ field: 'email', code: 'missing', message: 'or phone must be given, and not both' }],
    })
  }
  return email ?? `+${phone?.slice(1)}`
}

/** B5, B5b, B6: the two-factor procedure of the broker contract. */
export const createTwoFactor = ({ clients, defaultClientId, challenges, tokens }: Deps) => ({
  /** @throws RekeyError unavailable */
  openChange: (customer: string, clientId: string, caller: Caller): Promise<OpenChallenge> =>
    challenges.openChange(customer, { ...noRedirect, clientId, scope: scopes.change }, caller),

  /** @throws RekeyError invalid_request, access_denied (client), unavailable; nothing that depends on the account */
  async openRestore(query: OpenUnauthorizedChallengeQuery, caller: Caller): Promise<OpenChallenge> {
    const username = usernameOf(query)
    const clientId = query.client_id ?? defaultClientId
    if (!clients.find(clientId)?.scopes.includes(scopes.restore)) throw new RekeyError('access_denied')
    return challenges.openRestore('brokerRestore', username, { ...noRedirect, clientId, scope: scopes.restore }, caller)
  },

  /** @throws RekeyError invalid_grant, access_denied (five wrong codes), unavailable */
  async answer({ token, code }: AnswerChallengeBody, caller: Caller): Promise<IssuedToken> {
    const challengeId = tokens.readMfa(token)
    const { customer, clientId, scope } = await challenges.answer(
      challengeId,
      code,
      { flows: ['brokerRestore', 'brokerChange'], clientId: '', state: '', scope: '' },
      caller,
    )
    return tokens.sign({ subject: customer || challengeId, clientId, scope, challengeId })
  },
})

export type TwoFactor = ReturnType<typeof createTwoFactor>
