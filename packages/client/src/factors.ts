import type { ApprovalNeeded, EnrolPasskeyBody } from './contract.ts'
import type { CallOptions, Send } from './http.ts'
import type { Answer, Bearer, OfClient, WithReason } from './requests.ts'

/** `successToken`: of a challenge for changeFactors. */
interface OfFactors extends Bearer {
  successToken: string
}

/** Second factors: authenticator apps, passkeys and recovery codes. */
export interface FactorCalls {
  /** C1. Lists the customer's second factors. `successToken`: of a proof for changeFactors, spent or not. */
  listFactors(request: OfFactors, options?: CallOptions): Promise<Answer<'GET /api/v2/my/factors'>>
  /** C2. Begins to enrol an authenticator app; not in force until it is confirmed, with the same success token. */
  enrolTotp(
    request: OfFactors & { label: string },
    options?: CallOptions,
  ): Promise<Answer<'POST /api/v2/my/factors/totp'>>
  /** C3. Confirms the app by its code, and spends the success token. */
  confirmTotp(request: OfFactors & { factorId: string; code: string | number }, options?: CallOptions): Promise<void>
  /** C4. Begins to enrol a passkey: options for `PublicKeyCredential.parseCreationOptionsFromJSON`. */
  requestPasskeyCreation(
    request: OfFactors,
    options?: CallOptions,
  ): Promise<Answer<'POST /api/v2/my/factors/passkey/options'>>
  /** C4. Enrols the passkey, and spends the success token. `credential`: what `PublicKeyCredential.toJSON()` returns. */
  enrolPasskey(
    request: OfFactors & EnrolPasskeyBody,
    options?: CallOptions,
  ): Promise<Answer<'POST /api/v2/my/factors/passkey'>>
  /** C5. Issues recovery codes in place of all earlier ones, and spends the success token. */
  issueRecoveryCodes(
    request: OfFactors,
    options?: CallOptions,
  ): Promise<Answer<'POST /api/v2/my/factors/recovery-codes'>>
  /** C6. Removes a second factor, and spends the success token. */
  removeFactor(request: OfFactors & { factorId: string }, options?: CallOptions): Promise<void>
  /** C7. Lists a customer's second factors. */
  listClientFactors(request: OfClient, options?: CallOptions): Promise<Answer<'GET /api/v2/my/factors'>>
  /** C7. Removes all of them. Resolves with an approval if a second person must approve first. */
  resetClientFactors(request: OfClient & WithReason, options?: CallOptions): Promise<ApprovalNeeded | undefined>
}

export const createFactorCalls = (send: Send): FactorCalls => ({
  listFactors: (tokens, options) => send('GET /api/v2/my/factors', tokens, options),
  enrolTotp: ({ label, ...tokens }, options) =>
    send('POST /api/v2/my/factors/totp', { ...tokens, body: { label } }, options),
  confirmTotp: ({ factorId, code, ...tokens }, options) =>
    send(
      'POST /api/v2/my/factors/totp/:factorId/confirm',
      { ...tokens, params: { factorId }, body: { code } },
      options,
    ),
  requestPasskeyCreation: (tokens, options) => send('POST /api/v2/my/factors/passkey/options', tokens, options),
  enrolPasskey: ({ label, credential, ...tokens }, options) =>
    send('POST /api/v2/my/factors/passkey', { ...tokens, body: { label, credential } }, options),
  issueRecoveryCodes: (tokens, options) => send('POST /api/v2/my/factors/recovery-codes', tokens, options),
  removeFactor: ({ factorId, ...tokens }, options) =>
    send('DELETE /api/v2/my/factors/:factorId', { ...tokens, params: { factorId } }, options),
  listClientFactors: ({ accessToken, ...params }, options) =>
    send('GET /api/v2/clients/:clientId/factors', { accessToken, params }, options),
  resetClientFactors: ({ accessToken, clientId, ...query }, options) =>
    send('DELETE /api/v2/clients/:clientId/factors', { accessToken, params: { clientId }, query }, options),
})
