import type { SignTokenAnswer } from './contract.ts'
import { RekeyError } from './error.ts'
import type { CallOptions, Send } from './http.ts'
import {
  authenticationOf,
  grantOf,
  localTimezone,
  type OAuthClient,
  type RestoreGrant,
  randomState,
  restoreScope,
} from './restore.ts'

/**
 * A way to give a second proof, as the gateway names it: the customer's authenticator app, a recovery code, a passkey, or a
 * code to a masked address. A newer gateway may offer others: show those that you know.
 */
export type SecondProofType =
  | 'otp'
  | 'recovery_code'
  | 'webauthn'
  | `oob:email:${string}`
  | `oob:sms:${string}`
  | (string & {})

/** A second proof that a restore needs. Plain data. */
export interface NeededProof {
  mfaToken: string
  /** Ways to give it. Empty: the customer has none, and needs the staff. */
  challengeTypes: SecondProofType[]
}

/** A second proof whose way was chosen. Plain data. */
export interface ChosenProof {
  mfaToken: string
  challengeType: SecondProofType
  /** Four digits to show, if a code was sent: the message repeats them. */
  verificationCode?: string
  /** The options of `navigator.credentials.get` for `webauthn`, as JSON (PublicKeyCredentialRequestOptionsJSON). */
  publicKey?: object
}

/**
 * The second proof that an error asks for: `second_proof_required` of `setPassword`, or `mfa_required` of `resetPassword`.
 *
 * @returns undefined for any other error
 */
export const secondProofOf = (error: unknown): NeededProof | undefined => {
  if (!(error instanceof RekeyError) || error.status !== 403) return undefined
  const { mfaToken, challengeTypes, mfa_token, challenge_type } = Object(error.body) as Record<string, unknown>
  const [token, types] = error.code === 'mfa_required' ? [mfa_token, challenge_type] : [mfaToken, challengeTypes]
  if (typeof token !== 'string' || !Array.isArray(types)) return undefined
  return { mfaToken: token, challengeTypes: types }
}

export interface SecondProofFlow {
  /**
   * Chooses how to give the second proof, and sends the code of `oob:…`. May be called again, for another way or another
   * code.
   * @throws RekeyError `invalid_grant` (expired or given), `temporarily_unavailable` with `retryAfterSeconds`
   */
  chooseSecondProof(needed: NeededProof, challengeType: SecondProofType, options?: CallOptions): Promise<ChosenProof>
  /**
   * Gives the second proof. Set the password with the grant that it returns.
   *
   * @param answer the code that the customer typed; of `webauthn` the credential as JSON (AuthenticationResponseJSON)
   * @throws RekeyError `invalid_grant` (wrong, expired or used), `access_denied` (too many wrong codes)
   */
  confirmSecondProof(chosen: ChosenProof, answer: string | object, options?: CallOptions): Promise<RestoreGrant>
}

/** The grant type of an answer (docs/contracts.md). */
const grantTypeOf = (challengeType: SecondProofType): string => {
  if (challengeType === 'otp' || challengeType === 'recovery_code' || challengeType === 'webauthn') {
    return `mfa_${challengeType}`
  }
  return 'mfa_oob'
}

interface Chosen {
  mfa_token: string
  code?: string
  publicKey?: object
}

/** The second proof of a restore in two calls: choose, confirm. */
export const createSecondProofFlow = (send: Send, client: OAuthClient): SecondProofFlow => ({
  async chooseSecondProof({ mfaToken }, challengeType, options) {
    const body = {
      challenge_type: challengeType,
      client_timezone: localTimezone(),
      mfa_token: mfaToken,
      response_type: 'sign_token',
      state: randomState(),
      ...authenticationOf(client),
    }
    const { mfa_token, code, publicKey } = await send<Chosen>('POST /oauth/v2/challenge', { body }, options)
    return {
      mfaToken: mfa_token,
      challengeType,
      ...(code !== undefined && { verificationCode: code }),
      ...(publicKey !== undefined && { publicKey }),
    }
  },

  async confirmSecondProof({ mfaToken, challengeType }, answer, options) {
    const body = {
      ...(typeof answer === 'string' ? { code: answer } : { credential: answer }),
      grant_type: grantTypeOf(challengeType),
      mfa_token: mfaToken,
      response_type: 'sign_token',
      scope: restoreScope,
      state: randomState(),
      ...authenticationOf(client),
    }
    return grantOf(await send<SignTokenAnswer>('POST /oauth/v2/passwordRestoreVerification', { body }, options))
  },
})
