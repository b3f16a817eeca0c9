import {
  type CodeAwaited,
  type CodeSent,
  type EnrolledMethod,
  enrolledChallengeTypes,
  type LoginAnswer,
  type LoginBody,
  LoginFailed,
  type PasskeyRequest,
  PasswordVerify,
  type PasswordVerifyReply,
  type PasswordVerifyRequest,
  RekeyError,
  type RestoreWaits,
  type SendChallengeBody,
  scopes,
  unavailableProof,
} from '@rekey/contracts'
import type { BackgroundPublisher } from '@rekey/platform/background-publisher'
import type { Broker } from '@rekey/platform/broker'
import { hashForLog, type Logger } from '@rekey/platform/logger'
import { outcomeOf } from '@rekey/platform/outcome'
import type { Queue } from '@rekey/platform/queue'
import { callRpc } from '@rekey/platform/rpc'
import type { Caller } from '../challenges/challenge.ts'
import type { Challenges } from '../challenges/challenges.ts'
import { countedAddressOf } from '../clients/client-asserted-ip.ts'
import type { Clients } from '../clients/clients.ts'
import type { Client } from '../clients/registry-file.ts'
import { checkScope } from '../clients/scope.ts'
import type { AccountKeys } from '../limits/account-keys.ts'
import type { Limits } from '../limits/limits.ts'
import type { OwnWays } from '../second-proofs/own-ways.ts'
import { isOwnWay, type SecondProofs } from '../second-proofs/second-proofs.ts'
import type { SignInSteps } from '../steps/sign-in-steps.ts'
import { codeAwaited, codeSent, restoreWaits } from '../tokens/code-sent.ts'
import type { Tokens } from '../tokens/tokens.ts'
import type { RestoreCode } from '../two-factor/two-factor.service.ts'

interface Deps {
  accountKeys: AccountKeys
  limits: Limits
  clients: Clients
  challenges: Challenges
  tokens: Tokens
  secondProofs: SecondProofs
  ownWays: OwnWays
  broker: Broker
  /** Bounds how many passwords are verified at a time. */
  verifications: Queue
  backgroundPublisher: BackgroundPublisher
  steps: SignInSteps
  log: Logger
}

/** A password to verify, for a client that has been checked. */
interface Attempt {
  client: Client
  username: string
  password: string
  redirectUri: string
  state: string
  requestedScope: string
  /** The address that rate limits count. */
  countedAddress: string
}

/** A verified password: the devices that a code may be sent to, and the token of the next step. */
export interface ProvenPassword {
  devices: string[]
  mfaToken: string
  state: string
}

/** The passkey first, which no page can phish; then the app, which no message betrays. Recovery codes last: they run out. */
const challengeTypesOf = ({ devices, methods = [] }: { devices: string[]; methods?: EnrolledMethod[] }): string[] => [
  ...(methods.includes('passkey') ? [enrolledChallengeTypes.passkey] : []),
  ...(methods.includes('totp') ? [enrolledChallengeTypes.totp] : []),
  ...devices,
  ...(methods.includes('recovery_code') ? [enrolledChallengeTypes.recovery_code] : []),
]

/** A wrong password or an unknown user: one error for both (S11). */
class WrongPassword extends RekeyError {
  constructor() {
    super('access_denied')
  }
}

const passwordOutcome = (error: unknown) => (error instanceof WrongPassword ? 'wrong' : outcomeOf(error))

/** A4 and A4b: verification of the password, then the choice of a device for the code. */
export const createLoginService = (deps: Deps) => {
  const { accountKeys, limits, clients, challenges, tokens, secondProofs, ownWays, broker } = deps
  const { verifications, backgroundPublisher, steps, log } = deps

  const verify = (credentials: PasswordVerifyRequest): Promise<PasswordVerifyReply> =>
    verifications.run(() => callRpc(broker, PasswordVerify, credentials))

  /** @throws RekeyError access_denied (a wrong password or an unknown user), invalid_scope, too_many_requests, unavailable */
  const prove = async (attempt: Attempt, caller: Caller): Promise<ProvenPassword> => {
    const { client, username, password, redirectUri, state, requestedScope, countedAddress } = attempt
    const { client_id: clientId } = client
    const account = accountKeys.ofUsername(username)
    const spent = await limits.spendLogin({ address: countedAddress, clientId, account })
    const reply = await spent.refundOnFailure(() => verify({ username, password }))
    if (!reply.verified) {
      log.event('authn_login_fail', { account: hashForLog(account), clientId, address: caller.address })
      backgroundPublisher.publish(LoginFailed, { subject: account, data: { account, clientId, ip: caller.address } })
      throw new WrongPassword()
    }
    // Only wrong passwords count against the account. The answer does not wait for the refund.
    void spent.refund()
    const scope = reply.mustChange ? checkScope(scopes.change, [scopes.change], client) : requestedScope
    const request = { clientId, redirectUri, scope, requestedScope, state, codeChallenge: undefined }
    const devices = challengeTypesOf(reply)
    const challenge = await challenges.openLogin({ ...reply, devices, usernameAccount: account }, request, caller)
    return { devices, mfaToken: tokens.issueMfaToken(challenge), state }
  }

  /** Authenticates the client of A4b. @returns the caller, with the address that rate limits count */
  const identified = async (
    clientId: string,
    choice: SendChallengeBody,
    caller: Caller,
    authorization?: string,
  ): Promise<Caller> => {
    // A5 would refuse the code of a client that is not registered any more.
    if (!clients.find(clientId)) throw new RekeyError('access_denied')
    const sender = { body: choice, authorization, address: caller.address }
    const client = await clients.identifyOwner(sender, clientId)
    return { ...caller, countedAddress: countedAddressOf(client, choice.ip, caller.address) }
  }

  const counted = <T>(work: () => Promise<T>): Promise<T> => steps.run('password', work, passwordOutcome)

  return {
    /**
     * A4. A password that must be changed narrows the scope to the change (RFC 6749 §3.3 allows it; the token says so): a
     * client without that scope cannot sign the customer in.
     *
     * @throws RekeyError access_denied (client, redirect URI; and, one answer for both, a wrong password or an unknown
     * user), invalid_client (a confidential client without its secret), invalid_scope,
     * too_many_requests, unavailable
     */
    signIn: (credentials: LoginBody, caller: Caller, authorization?: string): Promise<LoginAnswer> =>
      counted(async () => {
        const { client_id: clientId, redirect_uri: redirectUri, username, password, state, ip } = credentials
        verifications.assertRoom()
        const client = clients.forRedirect(clientId, redirectUri)
        await clients.identify({ body: credentials, authorization, address: caller.address })
        const requestedScope = checkScope(credentials.scope, [scopes.full, scopes.change], client)
        const countedAddress = countedAddressOf(client, ip, caller.address)
        const attempt = { client, username, password, redirectUri, state, requestedScope, countedAddress }
        const proven = await prove(attempt, caller)
        return {
          error: 'mfa_required',
          error_description: 'Please choose a device and confirm the challenge with the code sent to it',
          challenge_type: proven.devices,
          binding_method: 'prompt',
          mfa_token: proven.mfaToken,
          state,
        }
      }),

    /**
     * A4 of the account pages, which redirect to no client and have no state.
     *
     * @throws RekeyError access_denied (the client is not registered any more; a wrong password or an unknown user),
     * invalid_scope (the client may not sign customers in), too_many_requests, unavailable
     */
    signInHere: (
      { clientId, username, password }: { clientId: string; username: string; password: string },
      caller: Caller,
    ): Promise<ProvenPassword> =>
      counted(async () => {
        verifications.assertRoom()
        const client = clients.find(clientId)
        if (!client) throw new RekeyError('access_denied')
        const requestedScope = checkScope(scopes.full, [scopes.full], client)
        const { address: countedAddress } = caller
        const attempt = { client, username, password, redirectUri: '', state: '', requestedScope, countedAddress }
        return prove(attempt, caller)
      }),

    /** A4b of the account pages, for a way that no message is sent for. @returns the request, if it is a passkey @throws as OwnWays.choose */
    chooseHere: async (token: string, challengeType: string, caller: Caller): Promise<PasskeyRequest | undefined> =>
      ownWays.choose(tokens.readMfaToken(token), '', challengeType, caller),

    /** A4b of the account pages: sends the code of a sign-in. @throws as `send` */
    async sendHere(token: string, device: string, caller: Caller): Promise<RestoreCode> {
      const challenge = tokens.readMfaToken(token)
      if (!clients.find(challenge.clientId)) throw new RekeyError('access_denied')
      const sent = await challenges.send(challenge, '', device, caller)
      const { verificationCode, expiresAt } = sent
      return { token: tokens.issueMfaToken(sent), verificationCode, expiresAt }
    },

    /**
     * A4b.
     *
     * @throws RekeyError access_denied (the client is not registered any more), invalid_client
     * (a confidential client without its secret), and the errors of Challenges.send
     */
    async send(
      choice: SendChallengeBody,
      caller: Caller,
      authorization?: string,
    ): Promise<CodeSent | CodeAwaited | RestoreWaits> {
      const { challenge_type: device, mfa_token, state } = choice
      const second = await tokens.readSecondProof(mfa_token)
      if (second) {
        const counted = await identified(second.grant.clientId, choice, caller, authorization)
        if (device === unavailableProof) {
          const { waitsUntil } = await secondProofs.wait(second, mfa_token, counted)
          return restoreWaits(mfa_token, waitsUntil, state)
        }
        const { token, sent, publicKey } = await secondProofs.choose(second, device, counted)
        return sent ? codeSent(tokens, { ...sent, state }, token) : codeAwaited(token, state, publicKey)
      }
      const challenge = tokens.readMfaToken(mfa_token)
      const counted = await identified(challenge.clientId, choice, caller, authorization)
      if (challenge.purpose !== 'login' || !isOwnWay(device)) {
        return codeSent(tokens, await challenges.send(challenge, state, device, counted))
      }
      return codeAwaited(mfa_token, state, await ownWays.choose(challenge, state, device, counted))
    },
  }
}

export type LoginService = ReturnType<typeof createLoginService>
