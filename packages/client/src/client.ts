import type {
  AnswerChallenge,
  AnswerChallengeBody,
  Approval,
  ApprovalNeeded,
  BlockClientBody,
  ChangePasswordBody,
  CodeSent,
  FindClients,
  FindClientsQuery,
  GetClient,
  GetClientPasswordChange,
  GetClientRecord,
  GetPasswordChange,
  IntrospectAnswer,
  IntrospectBody,
  Job,
  ListClientPasswordChanges,
  ListClientRecords,
  ListPasswordChanges,
  Login,
  LoginBody,
  OpenChallenge,
  OpenUnauthorizedChallenge,
  OpenUnauthorizedChallengeQuery,
  Page,
  PasswordRestoreBody,
  PasswordRestoreResetBody,
  PasswordRestoreVerification,
  PasswordRestoreVerificationBody,
  ResetAllPasswords,
  ResetClientPassword,
  RevokeBody,
  SendChallengeBody,
  SetClientPasswordBody,
  TokenAnswer,
  TokenBody,
} from '@rekey/contracts'
import { createHttp } from './http.ts'

type Answer<Route extends { response: { 200: { static: unknown } } }> = Route['response'][200]['static']
type Accepted<Route extends { response: { 202: { static: unknown } } }> = Route['response'][202]['static']

export interface ClientOptions {
  /** URL of the gateway: `https://id.example.com`, with or without a path. */
  baseUrl: string
  /** Replaces the global `fetch`, for example to add a timeout. */
  fetch?: typeof globalThis.fetch
}

interface Bearer {
  accessToken: string
}

interface WithReason {
  /** Shown to the person who approves, and in the records. */
  reason?: string
}

/** `clientId` is the customer's id, as the published contract names it. */
interface OfClient extends Bearer {
  clientId: number
}

interface OfJob extends Bearer {
  jobId: string
}

interface OfApproval extends Bearer {
  approvalId: string
}

/** The gateway's HTTP API. Every method throws `RekeyHttpError` if the status is not 2xx. */
export interface RekeyClient {
  /** A1. Sends a code for a restore. The answer is the same whether or not the account exists. */
  requestRestore(body: PasswordRestoreBody): Promise<CodeSent>
  /** A2. Exchanges the code for a token or an authorization code, depending on `response_type`. */
  verifyRestore(body: PasswordRestoreVerificationBody): Promise<Answer<typeof PasswordRestoreVerification>>
  /** A3. Sets the password; without `password` the customer is sent a temporary one. */
  resetPassword(request: Bearer & PasswordRestoreResetBody): Promise<void>
  /** A4. Verifies the password; a code is needed next. */
  login(body: LoginBody): Promise<Answer<typeof Login>>
  /** A4b. Sends a code to a device, or sends it again. */
  sendChallenge(body: SendChallengeBody): Promise<CodeSent>
  /** A5. */
  token(body: TokenBody): Promise<TokenAnswer>
  /** A6 (RFC 7009). Ends the session of a token. */
  revoke(body: RevokeBody): Promise<void>
  /** A6 (RFC 7662). For confidential clients. */
  introspect(body: IntrospectBody): Promise<IntrospectAnswer>
  /** B5. Sends a code to the signed-in customer, to change the password. */
  openChallenge(request: Bearer): Promise<Answer<typeof OpenChallenge>>
  /** B5b. Sends a code for a restore, to exactly one of `email` and `phone`. `client_secret`: of a confidential client. */
  openUnauthorizedChallenge(
    request: Omit<OpenUnauthorizedChallengeQuery, 'businessProcess'> & { client_secret?: string },
  ): Promise<Answer<typeof OpenUnauthorizedChallenge>>
  /** B6. Exchanges the code for a success token. */
  answerChallenge(body: AnswerChallengeBody): Promise<Answer<typeof AnswerChallenge>>
  /** B1. */
  changePassword(request: Bearer & { successToken: string } & ChangePasswordBody): Promise<void>
  /** B2. */
  restorePassword(request: { successToken: string; password: string }): Promise<void>
  /** B3. */
  listPasswordChanges(request: Bearer & Partial<Page>): Promise<Answer<typeof ListPasswordChanges>>
  /** B4. */
  getPasswordChange(request: Bearer & { changeId: number }): Promise<Answer<typeof GetPasswordChange>>
  /** B10. Finds customers by exactly one of `email`, `phone` and `customer`. */
  findClients(request: Bearer & FindClientsQuery): Promise<Answer<typeof FindClients>>
  /** B10. */
  getClient(request: OfClient): Promise<Answer<typeof GetClient>>
  /** B7. The password is temporary. Resolves with an approval if a second person must approve first. */
  setClientPassword(request: OfClient & SetClientPasswordBody): Promise<ApprovalNeeded | undefined>
  /** B8. */
  listClientPasswordChanges(request: OfClient & Partial<Page>): Promise<Answer<typeof ListClientPasswordChanges>>
  /** B8. */
  getClientPasswordChange(request: OfClient & { changeId: number }): Promise<Answer<typeof GetClientPasswordChange>>
  /** Lists password changes, blocks, lifted blocks and ended holds of a customer. */
  listClientRecords(request: OfClient & Partial<Page>): Promise<Answer<typeof ListClientRecords>>
  getClientRecord(request: OfClient & { recordId: number }): Promise<Answer<typeof GetClientRecord>>
  /** B9. Signs the customer out and demands a new password at the next sign-in. */
  resetClientPassword(request: OfClient & WithReason): Promise<Accepted<typeof ResetClientPassword>>
  /** B9. The same for all customers. Resolves with a job, or an approval if a second person must approve first. */
  resetAllPasswords(request: Bearer & WithReason): Promise<Accepted<typeof ResetAllPasswords>>
  getJob(request: OfJob): Promise<Job>
  cancelJob(request: OfJob): Promise<Job>
  /** Ends a recovery hold early. Resolves with an approval if a second person must approve first. */
  endHold(request: OfClient & WithReason): Promise<ApprovalNeeded | undefined>
  /** B11. Blocks a customer at once: no sign-in and no restore; all sessions end. */
  blockClient(request: OfClient & BlockClientBody): Promise<void>
  /** Lifts the block of a customer, and any lockout. Resolves with an approval if a second person must approve first. */
  liftBlock(request: OfClient & WithReason): Promise<ApprovalNeeded | undefined>
  /** Lists pending approvals. */
  listApprovals(request: Bearer & { limit?: number; offset?: number }): Promise<{ total: number; data: Approval[] }>
  getApproval(request: OfApproval): Promise<Approval>
  /** Approves the action of another person. Resolves with the job if the action starts one. */
  approve(request: OfApproval): Promise<{ jobId: string } | undefined>
  reject(request: OfApproval): Promise<void>
}

/** Converts an empty body to undefined. */
const orUndefined = <T>(answer: T | ''): T | undefined => (answer === '' ? undefined : answer)

export const createClient = ({ baseUrl, fetch = globalThis.fetch }: ClientOptions): RekeyClient => {
  const send = createHttp(baseUrl, fetch)
  return {
    requestRestore: (body) => send('POST', '/oauth/v2/passwordRestore', { body }),
    verifyRestore: (body) => send('POST', '/oauth/v2/passwordRestoreVerification', { body }),
    async resetPassword({ accessToken, ...body }) {
      await send('POST', '/oauth/v2/passwordRestoreReset', { accessToken, body })
    },
    login: (body) => send('POST', '/oauth/v2/login', { body }),
    sendChallenge: (body) => send('POST', '/oauth/v2/challenge', { body }),
    token: (body) => send('POST', '/oauth/v2/token', { body }),
    async revoke(body) {
      await send('POST', '/oauth/v2/revoke', { body })
    },
    introspect: (body) => send('POST', '/oauth/v2/introspect', { body }),
    openChallenge: ({ accessToken }) =>
      send('GET', '/api/v2/my/2fa/challenge', { accessToken, query: { businessProcess: 'changePassword' } }),
    openUnauthorizedChallenge: ({ client_secret: clientSecret, ...query }) =>
      send('GET', '/api/v2/my/2fa/unauthorized/challenge', {
        query: { businessProcess: 'restorePassword', ...query },
        ...(query.client_id !== undefined &&
          clientSecret !== undefined && { client: { clientId: query.client_id, clientSecret } }),
      }),
    answerChallenge: (body) => send('POST', '/api/v2/my/2fa/challenge', { body }),
    async changePassword({ accessToken, successToken, ...body }) {
      await send('POST', '/api/v2/my/password/change', { accessToken, successToken, body })
    },
    async restorePassword({ successToken, password }) {
      await send('POST', '/api/v2/my/password/restore', { successToken, body: { password } })
    },
    listPasswordChanges: ({ accessToken, ...query }) =>
      send('GET', '/api/v2/my/password/changes', { accessToken, query }),
    getPasswordChange: ({ accessToken, changeId }) =>
      send('GET', `/api/v2/my/password/changes/${changeId}`, { accessToken }),
    findClients: ({ accessToken, ...query }) => send('GET', '/api/v2/clients', { accessToken, query }),
    getClient: ({ accessToken, clientId }) => send('GET', `/api/v2/clients/${clientId}`, { accessToken }),
    async setClientPassword({ accessToken, clientId, ...body }) {
      return orUndefined(
        await send<ApprovalNeeded | ''>('PUT', `/api/v2/clients/${clientId}/password`, { accessToken, body }),
      )
    },
    listClientPasswordChanges: ({ accessToken, clientId, ...query }) =>
      send('GET', `/api/v2/clients/${clientId}/password/changes`, { accessToken, query }),
    getClientPasswordChange: ({ accessToken, clientId, changeId }) =>
      send('GET', `/api/v2/clients/${clientId}/password/changes/${changeId}`, { accessToken }),
    listClientRecords: ({ accessToken, clientId, ...query }) =>
      send('GET', `/api/v2/clients/${clientId}/records`, { accessToken, query }),
    getClientRecord: ({ accessToken, clientId, recordId }) =>
      send('GET', `/api/v2/clients/${clientId}/records/${recordId}`, { accessToken }),
    resetClientPassword: ({ accessToken, clientId, ...body }) =>
      send('POST', `/api/v2/clients/${clientId}/reset-password`, { accessToken, body }),
    resetAllPasswords: ({ accessToken, ...body }) =>
      send('POST', '/api/v2/clients/reset-password', { accessToken, body }),
    getJob: ({ accessToken, jobId }) => send('GET', `/api/v2/jobs/${jobId}`, { accessToken }),
    cancelJob: ({ accessToken, jobId }) => send('POST', `/api/v2/jobs/${jobId}/cancel`, { accessToken }),
    async endHold({ accessToken, clientId, ...query }) {
      const path = `/api/v2/clients/${clientId}/hold`
      return orUndefined(await send<ApprovalNeeded | ''>('DELETE', path, { accessToken, query }))
    },
    async blockClient({ accessToken, clientId, ...body }) {
      await send('PUT', `/api/v2/clients/${clientId}/block`, { accessToken, body })
    },
    async liftBlock({ accessToken, clientId, ...query }) {
      const path = `/api/v2/clients/${clientId}/block`
      return orUndefined(await send<ApprovalNeeded | ''>('DELETE', path, { accessToken, query }))
    },
    listApprovals: ({ accessToken, ...query }) => send('GET', '/api/v2/approvals', { accessToken, query }),
    getApproval: ({ accessToken, approvalId }) => send('GET', `/api/v2/approvals/${approvalId}`, { accessToken }),
    async approve({ accessToken, approvalId }) {
      const path = `/api/v2/approvals/${approvalId}/approve`
      return orUndefined(await send<{ jobId: string } | ''>('POST', path, { accessToken }))
    },
    async reject({ accessToken, approvalId }) {
      await send('POST', `/api/v2/approvals/${approvalId}/reject`, { accessToken })
    },
  }
}
