import {
  type CodeSent,
  type LoginAnswer,
  type LoginBody,
  LoginFailed,
  PasswordVerify,
  type PasswordVerifyReply,
  type PasswordVerifyRequest,
  RekeyError,
  type SendChallengeBody,
  scopes,
} from '@rekey/contracts'
import type { BackgroundPublisher } from '@rekey/platform/background-publisher'
import type { Broker } from '@rekey/platform/broker'
import { hashForLog, type Logger } from '@rekey/platform/logger'
import type { Queue } from '@rekey/platform/queue'
import { callRpc } from '@rekey/platform/rpc'
import type { Caller, Challenges } from '../challenges/challenges.service.ts'
import { codeSent } from '../tokens/code-sent.ts'
import type { Clients } from '../clients/clients.ts'
import { checkScope } from '../clients/scope.ts'
import type { Limits } from '../limits/limits.service.ts'
import { checkResponseType } from '../tokens/response-types.ts'
import type { Tokens } from '../tokens/tokens.ts'
import type { Vouching } from '../clients/client-asserted-ip.ts'

interface Deps {
  clients: Clients
  limits: Limits
  challenges: Challenges
  vouching: Vouching
  tokens: Tokens
  broker: Broker
  /** Of the passwords that are verified at a time. */
  verifications: Queue
  backgroundPublisher: BackgroundPublisher
  log: Logger
}

/** A4 and A4b: the password, then a device to send a code to. */
export const createLogins = ({
  clients,
  limits,
  challenges,
  vouching,
  tokens,
  broker,
  verifications,
  backgroundPublisher,
  log,
}: Deps) => {
  const verify = (credentials: PasswordVerifyRequest): Promise<PasswordVerifyReply> =>
    verifications.run(() => callRpc(broker, PasswordVerify, credentials))

  return {
    /**
     * A password that must be changed narrows the scope to changing it (RFC 6749 §3.3 allows it; the token says so).
     *
     * @throws RekeyError access_denied (client, redirect URI; and, one answer for both, a wrong password or an unknown
     * user), unsupported_response_type, invalid_scope, too_many_requests, unavailable
     */
    async signIn(credentials: LoginBody, caller: Caller, authorization?: string): Promise<LoginAnswer> {
      const { client_id: clientId, redirect_uri: redirectUri, username, password, state } = credentials
      verifications.assertRoom()
      const client = clients.forRedirect(clientId, redirectUri)
      checkResponseType(credentials.response_type)
      checkScope(credentials.scope, [scopes.full, scopes.change], client)

      const account = challenges.accountOf(username)
      const address = await vouching.limitedAddress({ clientId, ip: credentials.ip, authorization }, caller)
      const spent = await limits.spendLogin({ address, clientId, account })
      const reply = await spent.on(() => verify({ username, password }))
      if (!reply.verified) {
        log.warn({ event: 'authn_login_fail', account: hashForLog(account), clientId, address: caller.address })
        backgroundPublisher.publish(LoginFailed, { subject: account, data: { account, clientId, ip: caller.address } })
        throw new RekeyError('access_denied')
      }
      // Only wrong passwords count against the account. Nobody waits for that.
      void spent.giveBack()
      const scope = reply.mustChange ? scopes.change : credentials.scope
      const request = { clientId, redirectUri, scope, state, codeChallenge: undefined }
      const challenge = await challenges.openLogin(username, reply, request, caller)
      return {
        error: 'mfa_required',
        error_description: 'Please choose a device and confirm the challenge with the code sent to it',
        challenge_type: reply.devices,
        binding_method: 'prompt',
        mfa_token: tokens.mfa(challenge),
        state,
      }
    },

    /** @throws RekeyError as Challenges.send does, unsupported_response_type, and invalid_client (a secret that is wrong) */
    async send(choice: SendChallengeBody, caller: Caller, authorization?: string): Promise<CodeSent> {
      const { challenge_type: device, mfa_token, response_type, state, ip } = choice
      checkResponseType(response_type)
      const challenge = tokens.readMfa(mfa_token)
      const claim = { clientId: challenge.clientId, ip, authorization }
      const limitedAddress = await vouching.limitedAddress(claim, caller)
      return codeSent(tokens, await challenges.send(challenge, state, device, { ...caller, limitedAddress }))
    },
  }
}

export type Logins = ReturnType<typeof createLogins>
