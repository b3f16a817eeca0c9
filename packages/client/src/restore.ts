import type { CodeSent, SendChallengeBody, SignTokenAnswer } from './contract.ts'
import { RekeyError } from './error.ts'
import type { CallOptions, Send } from './http.ts'

/** The OAuth client that restores passwords, as the gateway's registry has it. */
export interface OAuthClient {
  clientId?: string
  /** Of a confidential client: for servers only. */
  clientSecret?: string
  /** Must be registered for the client. */
  redirectUri?: string
}

/** A restore whose code was sent. Plain data: it survives `JSON.stringify`, a page reload or a server's session. */
export interface BegunRestore {
  mfaToken: string
  state: string
  /** Where codes go: `oob:email:b*1@gmail.com`. */
  device: string
  /** Four digits to show: the message repeats them, so that a customer knows which message is meant. Not secret. */
  verificationCode: string
  /** When the code expires: ISO 8601. */
  expiresAt: string
}

/** The right to set one password, once. Plain data. */
export interface RestoreGrant {
  successToken: string
  /** ISO 8601. */
  expiresAt: string
}

export interface BeginRestore {
  /** Email address, or phone number with `+` and country code. */
  username: string
  /** Default: a random one. */
  state?: string
  /** The customer's offset to GMT, such as `-3` or `+5:30`. Default: that of this machine. */
  timezone?: string
  /** The customer's address, if a server restores for a browser. Counted for authenticated clients only. */
  ip?: string
}

export interface RestoreFlow {
  /**
   * Sends a code. The answer is the same whether or not the account exists.
   * @throws RekeyError `access_denied` (client or redirect URI), `invalid_request`, `temporarily_unavailable`
   */
  beginRestore(request: BeginRestore, options?: CallOptions): Promise<BegunRestore>
  /**
   * Sends another code, which replaces the first. Use what it returns from then on.
   * @throws RekeyError `temporarily_unavailable` with `retryAfterSeconds`: too early, or too often
   */
  resendCode(restore: BegunRestore, options?: CallOptions): Promise<BegunRestore>
  /**
   * Exchanges the code of the message for a grant.
   * @throws RekeyError `invalid_grant` (wrong, expired, replaced or used), `access_denied` (too many wrong codes)
   */
  confirmRestore(restore: BegunRestore, code: string, options?: CallOptions): Promise<RestoreGrant>
  /**
   * Sets the new password and ends every session of the customer. A refused password does not spend the grant.
   * @throws RekeyError `password_refused` with each reason in `fields`, `success_token_refused`, `second_proof_required`:
   * see `secondProofOf`
   */
  setPassword(grant: RestoreGrant, password: string, options?: CallOptions): Promise<void>
}

export const restoreScope = 'CUSTOMER:PASSWORD:RESTORE'

/** `crypto.randomUUID` exists on pages of https and localhost only. */
export const randomState = (): string =>
  Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, '0')).join('')

/** This machine's offset to GMT in the form of the contract. */
export const localTimezone = (): string => {
  const minutes = -new Date().getTimezoneOffset()
  const [hours, rest] = [Math.trunc(Math.abs(minutes) / 60), Math.abs(minutes) % 60]
  return `${minutes < 0 ? '-' : '+'}${hours}${rest ? `:${String(rest).padStart(2, '0')}` : ''}`
}

/** The claims of an `mfa_token` that its client may use. The gateway verifies it. */
const claimsOf = (mfaToken: string): { amr: string; exp: number } => {
  try {
    const payload = atob((mfaToken.split('.')[1] ?? '').replaceAll('-', '+').replaceAll('_', '/'))
    return JSON.parse(new TextDecoder().decode(Uint8Array.from(payload, (character) => character.charCodeAt(0))))
  } catch (cause) {
    throw new RekeyError('unexpected_answer', { description: 'mfa_token is not a JWT', cause })
  }
}

const begun = ({ mfa_token: mfaToken, code: verificationCode, state }: CodeSent): BegunRestore => {
  const { amr: device, exp } = claimsOf(mfaToken)
  return { mfaToken, state, device, verificationCode, expiresAt: new Date(exp * 1_000).toISOString() }
}

/** The fields by which a confidential client authenticates in a body. */
export const authenticationOf = ({ clientId, clientSecret }: OAuthClient): object =>
  clientId !== undefined && clientSecret !== undefined ? { client_id: clientId, client_secret: clientSecret } : {}

export const grantOf = ({ sign_token, expires_in }: SignTokenAnswer): RestoreGrant => ({
  successToken: sign_token,
  expiresAt: new Date(Date.now() + expires_in * 1_000).toISOString(),
})

/** The restore in three calls: begin, confirm, set the password. */
export const createRestoreFlow = (send: Send, client: OAuthClient): RestoreFlow => {
  const { clientId, redirectUri } = client
  const authentication = authenticationOf(client)
  return {
    async beginRestore({ username, state = randomState(), timezone = localTimezone(), ip }, options) {
      if (clientId === undefined || redirectUri === undefined) {
        throw new TypeError('createClient needs clientId and redirectUri to begin a restore')
      }
      const body = {
        ...authentication,
        client_id: clientId,
        client_timezone: timezone,
        redirect_uri: redirectUri,
        response_type: 'sign_token',
        scope: restoreScope,
        source_system: 'IB',
        state,
        username,
        ...(ip !== undefined && { ip }),
      }
      return begun(await send<CodeSent>('POST /oauth/v2/passwordRestore', { body }, options))
    },

    async resendCode({ mfaToken, state, device }, options) {
      const body: SendChallengeBody = {
        challenge_type: device,
        client_timezone: localTimezone(),
        mfa_token: mfaToken,
        response_type: 'sign_token',
        state,
        ...authentication,
      }
      return begun(await send<CodeSent>('POST /oauth/v2/challenge', { body }, options))
    },

    async confirmRestore({ mfaToken, state }, code, options) {
      const body = {
        code,
        grant_type: 'mfa_oob',
        mfa_token: mfaToken,
        response_type: 'sign_token',
        scope: restoreScope,
        state,
        ...authentication,
      }
      const route = 'POST /oauth/v2/passwordRestoreVerification'
      return grantOf(await send<SignTokenAnswer>(route, { body }, options))
    },

    async setPassword({ successToken }, password, options) {
      await send('POST /api/v2/my/password/restore', { successToken, body: { password } }, options)
    },
  }
}
