import {
  type LoginBody,
  LoginFailed,
  PasswordVerify,
  type PasswordVerifyReply,
  RekeyError,
  type SendChallengeBody,
  scopes,
} from '@rekey/contracts'
import type { Broker } from '@rekey/platform/broker'
import { hashForLog, type Logger } from '@rekey/platform/logger'
import { ask } from '@rekey/platform/questions'
import type { Recorder } from '@rekey/platform/recorder'
import type { Caller, Challenges, OpenChallenge } from '../challenges/challenges.service.ts'
import type { Clients } from '../clients/clients.ts'
import { checkScope } from '../clients/scope.ts'
import { checkResponseType } from '../tokens/response-types.ts'
import type { Tokens } from '../tokens/tokens.ts'

interface Deps {
  clients: Clients
  challenges: Challenges
  tokens: Tokens
  broker: Broker
  recorder: Recorder
  log: Logger
}

/** A4 and A4b: the password, then a device to send a code to. */
export const createLogins = ({ clients, challenges, tokens, broker, recorder, log }: Deps) => ({
  /**
   * A password that must be changed narrows the scope to changing it (RFC 6749 §3.3 allows it; the token says so).
   *
   * @throws RekeyError access_denied (client, redirect URI; and, one answer for both, a wrong password or an unknown
   * user), unsupported_response_type, invalid_scope, unavailable
   */
  async signIn(credentials: LoginBody, caller: Caller): Promise<{ challenge: OpenChallenge; devices: string[] }> {
    const { client_id: clientId, redirect_uri: redirectUri, username, password, state } = credentials
    const client = clients.forRedirect(clientId, redirectUri)
    checkResponseType(credentials.response_type)
    checkScope(credentials.scope, [scopes.full, scopes.change], client)

    const reply: PasswordVerifyReply = await ask(broker, PasswordVerify, { username, password })
    if (!reply.verified) {
      const account = challenges.accountOf(username)
      log.warn({ event: 'authn_login_fail', account: hashForLog(account), clientId, address: caller.address })
      recorder.record(LoginFailed, { subject: account, data: { account, clientId, ip: caller.address } })
      throw new RekeyError('access_denied')
    }
    const scope = reply.mustChange ? scopes.change : credentials.scope
    const request = { clientId, redirectUri, scope, state }
    const challenge = await challenges.openLogin(username, reply.customer, reply.devices, request)
    return { challenge, devices: reply.devices }
  },

  /** @throws RekeyError as Challenges.send does, and unsupported_response_type */
  send(choice: SendChallengeBody, caller: Caller): Promise<OpenChallenge> {
    checkResponseType(choice.response_type)
    return challenges.send(tokens.readMfa(choice.mfa_token), choice.state, choice.challenge_type, caller)
  },
})

export type Logins = ReturnType<typeof createLogins>
