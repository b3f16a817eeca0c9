import { type AuthorizationFlow, createAuthorizationFlow } from './authorization.ts'
import type * as api from './contract.ts'
import { createFactorCalls, type FactorCalls } from './factors.ts'
import { type Call, type CallOptions, createSend, type HttpOptions } from './http.ts'
import type { Answer, Bearer, OfClient, WithReason } from './requests.ts'
import { createRestoreFlow, type OAuthClient, type RestoreFlow } from './restore.ts'
import { createSecondProofFlow, type SecondProofFlow } from './second-proof.ts'
import { createVerificationCalls, type VerificationCalls } from './verifications.ts'
import { createWaitingRestoreCalls, type WaitingRestoreCalls } from './waiting-restores.ts'

export type ClientOptions = HttpOptions &
  OAuthClient & {
    /** The gateway's issuer (RFC 8414), which callbacks of an authorization name. Default: `baseUrl`. */
    issuer?: string
  }

interface OfJob extends Bearer {
  jobId: string
}

interface OfApproval extends Bearer {
  approvalId: string
}

type Parts<Operation> = Pick<Operation, Extract<keyof Operation, 'params' | 'query' | 'body'>>
/** The parts without a mandatory field. */
type Optional<Whole> = { [Name in keyof Whole]: Record<string, never> extends Whole[Name] ? Name : never }[keyof Whole]
type OmitOptional<Whole> = Omit<Whole, Optional<Whole>> & Partial<Pick<Whole, Optional<Whole>>>

/** The parameters and body of an operation, and the tokens that it needs. */
export type CallRequest<Operation> = OmitOptional<Parts<Operation>> &
  Pick<Call, 'accessToken' | 'successToken' | 'client'>

/**
 * The gateway's HTTP API. Every method rejects with `RekeyError` if the status is not 2xx or no answer comes. A request
 * is sent again only where that is safe.
 */
export interface RekeyClient
  extends RestoreFlow,
    SecondProofFlow,
    AuthorizationFlow,
    FactorCalls,
    VerificationCalls,
    WaitingRestoreCalls {
  /** Any operation by its method and path, for example one without a method here. */
  call<Route extends keyof api.Operations>(
    route: Route,
    request: CallRequest<api.Operations[Route]>,
    options?: CallOptions,
  ): Promise<Answer<Route>>
  /** A1. Sends a code for a restore. The answer is the same whether or not the account exists. */
  requestRestore(body: api.PasswordRestoreBody, options?: CallOptions): Promise<api.CodeSent>
  /** A2. Exchanges the code for a token or an authorization code, depending on `response_type`. */
  verifyRestore(
    body: api.PasswordRestoreVerificationBody,
    options?: CallOptions,
  ): Promise<api.PasswordRestoreVerificationAnswer>
  /** A3. Sets the password; without `password` the customer is sent a temporary one. */
  resetPassword(request: Bearer & api.PasswordRestoreResetBody, options?: CallOptions): Promise<void>
  /** A4. Verifies the password; a code is needed next. */
  login(body: api.LoginBody, options?: CallOptions): Promise<api.LoginAnswer>
  /** A4b. Sends a code to a device, or sends it again. */
  sendChallenge(body: api.SendChallengeBody, options?: CallOptions): Promise<api.CodeSent>
  /** A5. */
  token(body: api.TokenBody, options?: CallOptions): Promise<api.TokenAnswer>
  /** A6 (RFC 7009). Ends the session of a token. */
  revoke(body: api.RevokeBody, options?: CallOptions): Promise<void>
  /** A6 (RFC 7662). For confidential clients. */
  introspect(body: api.IntrospectBody, options?: CallOptions): Promise<api.IntrospectAnswer>
  /**
   * B5. Opens the proof that a change of the password (the default) or of the second factors needs. Sends a code, unless
   * `provider` of the answer is `otp`: then the customer's authenticator app has it.
   */
  openChallenge(
    request: Bearer & Partial<api.OpenChallengeQuery>,
    options?: CallOptions,
  ): Promise<Answer<'GET /api/v2/my/2fa/challenge'>>
  /** B5b. Sends a code for a restore, to exactly one of `email` and `phone`. `client_secret`: of a confidential client. */
  openUnauthorizedChallenge(
    request: Omit<api.OpenUnauthorizedChallengeQuery, 'businessProcess'> & { client_secret?: string },
    options?: CallOptions,
  ): Promise<Answer<'GET /api/v2/my/2fa/challenge'>>
  /** B6. Exchanges the code for a success token. */
  answerChallenge(
    body: api.AnswerChallengeBody,
    options?: CallOptions,
  ): Promise<Answer<'POST /api/v2/my/2fa/challenge'>>
  /** B1. */
  changePassword(
    request: Bearer & { successToken: string } & api.ChangePasswordBody,
    options?: CallOptions,
  ): Promise<void>
  /** B2. */
  restorePassword(request: { successToken: string; password: string }, options?: CallOptions): Promise<void>
  /** B3. */
  listPasswordChanges(request: Bearer & api.Page, options?: CallOptions): Promise<api.PasswordChanges>
  /** B4. */
  getPasswordChange(request: Bearer & { changeId: number }, options?: CallOptions): Promise<api.PasswordChange>
  /** B12. Lists the customer's sessions, the latest sign-in first; `current` is that of the token. */
  listSessions(request: Bearer, options?: CallOptions): Promise<api.ListSessionsAnswer>
  /** B12. Ends one session of the customer; its tokens are refused within a second. Safe to repeat. */
  endSession(request: Bearer & { sessionId: string }, options?: CallOptions): Promise<void>
  /** B12. Ends all sessions of the customer but that of the token. */
  endOtherSessions(request: Bearer, options?: CallOptions): Promise<void>
  /** B10. Finds customers by exactly one of `email`, `phone` and `customer`. */
  findClients(request: Bearer & api.FindClientsQuery, options?: CallOptions): Promise<api.FindClientsAnswer>
  /** B10. */
  getClient(request: OfClient, options?: CallOptions): Promise<api.Client>
  /** B7. The password is temporary. Resolves with an approval if a second person must approve first. */
  setClientPassword(
    request: OfClient & api.SetClientPasswordBody,
    options?: CallOptions,
  ): Promise<api.ApprovalNeeded | undefined>
  /** B8. */
  listClientPasswordChanges(
    request: OfClient & api.Page,
    options?: CallOptions,
  ): Promise<api.ListClientPasswordChangesAnswer>
  /** B8. */
  getClientPasswordChange(
    request: OfClient & { changeId: number },
    options?: CallOptions,
  ): Promise<api.ClientPasswordChange>
  /** Lists password changes, blocks, lifted blocks and ended holds of a customer. */
  listClientRecords(request: OfClient & api.Page, options?: CallOptions): Promise<api.ListClientRecordsAnswer>
  getClientRecord(request: OfClient & { recordId: number }, options?: CallOptions): Promise<api.ClientRecord>
  /**
   * B13. "Where is my code?" Lists the messages of a customer in the last 30 days, newest first, with what became of each.
   * Never a code.
   */
  listClientMessages(
    request: OfClient & api.ListClientMessagesQuery,
    options?: CallOptions,
  ): Promise<api.ListClientMessagesAnswer>
  /** B12. Lists a customer's sessions, the latest sign-in first. */
  listClientSessions(request: OfClient, options?: CallOptions): Promise<api.ListClientSessionsAnswer>
  /** B12. Ends all sessions of a customer at once, and notifies the customer. Needs no second person. */
  endClientSessions(request: OfClient & WithReason, options?: CallOptions): Promise<void>
  /** B9. Signs the customer out and demands a new password at the next sign-in. */
  resetClientPassword(request: OfClient & WithReason, options?: CallOptions): Promise<api.ResetClientPasswordAnswer>
  /** B9. The same for all customers. Resolves with a job, or an approval if a second person must approve first. */
  resetAllPasswords(request: Bearer & WithReason, options?: CallOptions): Promise<api.ResetAllPasswordsAnswer>
  /** Lists the resets of all customers, newest first. */
  listJobs(request: Bearer & api.ListJobsQuery, options?: CallOptions): Promise<api.ListJobsAnswer>
  getJob(request: OfJob, options?: CallOptions): Promise<Answer<'GET /api/v2/jobs/:jobId'>>
  cancelJob(request: OfJob, options?: CallOptions): Promise<Answer<'GET /api/v2/jobs/:jobId'>>
  /** Ends a recovery hold early. Resolves with an approval if a second person must approve first. */
  endHold(request: OfClient & WithReason, options?: CallOptions): Promise<api.ApprovalNeeded | undefined>
  /** B11. Blocks a customer at once: no sign-in and no restore; all sessions end. */
  blockClient(request: OfClient & api.BlockClientBody, options?: CallOptions): Promise<void>
  /** Lifts the block of a customer, and any lockout. Resolves with an approval if a second person must approve first. */
  liftBlock(request: OfClient & WithReason, options?: CallOptions): Promise<api.ApprovalNeeded | undefined>
  /** Lists pending approvals. */
  listApprovals(request: Bearer & api.ListApprovalsQuery, options?: CallOptions): Promise<api.ListApprovalsAnswer>
  getApproval(request: OfApproval, options?: CallOptions): Promise<Answer<'GET /api/v2/approvals/:approvalId'>>
  /** Approves the action of another person. Resolves with the job if the action starts one. */
  approve(request: OfApproval, options?: CallOptions): Promise<{ jobId: string } | undefined>
  reject(request: OfApproval, options?: CallOptions): Promise<void>
}

/** Makes a client of a gateway. Its functions need no `this`. */
export const createClient = (options: ClientOptions): RekeyClient => {
  const send = createSend(options)
  return {
    ...createRestoreFlow(send, options),
    ...createSecondProofFlow(send, options),
    ...createAuthorizationFlow(send, options),
    ...createFactorCalls(send),
    ...createVerificationCalls(send),
    ...createWaitingRestoreCalls(send),
    call: (route, request, options) => send(route, request, options),
    requestRestore: (body, options) => send('POST /oauth/v2/passwordRestore', { body }, options),
    verifyRestore: (body, options) => send('POST /oauth/v2/passwordRestoreVerification', { body }, options),
    async resetPassword({ accessToken, ...body }, options) {
      await send('POST /oauth/v2/passwordRestoreReset', { accessToken, body }, options)
    },
    login: (body, options) => send('POST /oauth/v2/login', { body }, options),
    sendChallenge: (body, options) => send('POST /oauth/v2/challenge', { body }, options),
    token: (body, options) => send('POST /oauth/v2/token', { body }, options),
    async revoke(body, options) {
      await send('POST /oauth/v2/revoke', { body }, options)
    },
    introspect: (body, options) => send('POST /oauth/v2/introspect', { body }, options),
    openChallenge: ({ accessToken, businessProcess = 'changePassword' }, options) =>
      send('GET /api/v2/my/2fa/challenge', { accessToken, query: { businessProcess } }, options),
    openUnauthorizedChallenge({ client_secret: clientSecret, ...query }, options) {
      const { client_id: clientId } = query
      const client = clientId !== undefined && clientSecret !== undefined ? { clientId, clientSecret } : undefined
      const call = { query: { businessProcess: 'restorePassword', ...query }, client }
      return send('GET /api/v2/my/2fa/unauthorized/challenge', call, options)
    },
    answerChallenge: (body, options) => send('POST /api/v2/my/2fa/challenge', { body }, options),
    changePassword: ({ accessToken, successToken, ...body }, options) =>
      send('POST /api/v2/my/password/change', { accessToken, successToken, body }, options),
    restorePassword: ({ successToken, password }, options) =>
      send('POST /api/v2/my/password/restore', { successToken, body: { password } }, options),
    listPasswordChanges: ({ accessToken, ...query }, options) =>
      send('GET /api/v2/my/password/changes', { accessToken, query }, options),
    getPasswordChange: ({ accessToken, ...params }, options) =>
      send('GET /api/v2/my/password/changes/:changeId', { accessToken, params }, options),
    listSessions: ({ accessToken }, options) => send('GET /api/v2/my/sessions', { accessToken }, options),
    endSession: ({ accessToken, ...params }, options) =>
      send('DELETE /api/v2/my/sessions/:sessionId', { accessToken, params }, options),
    endOtherSessions: ({ accessToken }, options) => send('DELETE /api/v2/my/sessions', { accessToken }, options),
    findClients: ({ accessToken, ...query }, options) => send('GET /api/v2/clients', { accessToken, query }, options),
    getClient: ({ accessToken, ...params }, options) =>
      send('GET /api/v2/clients/:clientId', { accessToken, params }, options),
    setClientPassword: ({ accessToken, clientId, ...body }, options) =>
      send('PUT /api/v2/clients/:clientId/password', { accessToken, params: { clientId }, body }, options),
    listClientPasswordChanges: ({ accessToken, clientId, ...query }, options) =>
      send('GET /api/v2/clients/:clientId/password/changes', { accessToken, params: { clientId }, query }, options),
    getClientPasswordChange: ({ accessToken, ...params }, options) =>
      send('GET /api/v2/clients/:clientId/password/changes/:changeId', { accessToken, params }, options),
    listClientRecords: ({ accessToken, clientId, ...query }, options) =>
      send('GET /api/v2/clients/:clientId/records', { accessToken, params: { clientId }, query }, options),
    getClientRecord: ({ accessToken, ...params }, options) =>
      send('GET /api/v2/clients/:clientId/records/:recordId', { accessToken, params }, options),
    listClientMessages: ({ accessToken, clientId, ...query }, options) =>
      send('GET /api/v2/clients/:clientId/messages', { accessToken, params: { clientId }, query }, options),
    listClientSessions: ({ accessToken, ...params }, options) =>
      send('GET /api/v2/clients/:clientId/sessions', { accessToken, params }, options),
    endClientSessions: ({ accessToken, clientId, ...query }, options) =>
      send('DELETE /api/v2/clients/:clientId/sessions', { accessToken, params: { clientId }, query }, options),
    resetClientPassword: ({ accessToken, clientId, ...body }, options) =>
      send('POST /api/v2/clients/:clientId/reset-password', { accessToken, params: { clientId }, body }, options),
    resetAllPasswords: ({ accessToken, ...body }, options) =>
      send('POST /api/v2/clients/reset-password', { accessToken, body }, options),
    listJobs: ({ accessToken, ...query }, options) => send('GET /api/v2/jobs', { accessToken, query }, options),
    getJob: ({ accessToken, ...params }, options) => send('GET /api/v2/jobs/:jobId', { accessToken, params }, options),
    cancelJob: ({ accessToken, ...params }, options) =>
      send('POST /api/v2/jobs/:jobId/cancel', { accessToken, params }, options),
    endHold: ({ accessToken, clientId, ...query }, options) =>
      send('DELETE /api/v2/clients/:clientId/hold', { accessToken, params: { clientId }, query }, options),
    blockClient: ({ accessToken, clientId, ...body }, options) =>
      send('PUT /api/v2/clients/:clientId/block', { accessToken, params: { clientId }, body }, options),
    liftBlock: ({ accessToken, clientId, ...query }, options) =>
      send('DELETE /api/v2/clients/:clientId/block', { accessToken, params: { clientId }, query }, options),
    listApprovals: ({ accessToken, ...query }, options) =>
      send('GET /api/v2/approvals', { accessToken, query }, options),
    getApproval: ({ accessToken, ...params }, options) =>
      send('GET /api/v2/approvals/:approvalId', { accessToken, params }, options),
    approve: ({ accessToken, ...params }, options) =>
      send('POST /api/v2/approvals/:approvalId/approve', { accessToken, params }, options),
    reject: ({ accessToken, ...params }, options) =>
      send('POST /api/v2/approvals/:approvalId/reject', { accessToken, params }, options),
  }
}
