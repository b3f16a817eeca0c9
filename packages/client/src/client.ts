import type {
  AnswerChallenge,
  AnswerChallengeBody,
  Approval,
  ApprovalNeeded,
  ChangePasswordBody,
  CodeSent,
  GetPasswordChange,
  IntrospectAnswer,
  IntrospectBody,
  Job,
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
  /** Where the gateway is: `https://id.example.com`, with or without a path. */
  baseUrl: string
  /** Replaces the global one: to add a time limit, say. */
  fetch?: typeof globalThis.fetch
}

interface Bearer {
  accessToken: string
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

/** The gateway's HTTP API. Every method throws `RekeyHttpError` for an answer that is not a success. */
export interface RekeyClient {
  /** A1. Sends a code to whoever forgot a password. The answer is the same whether the account exists or not. */
  requestRestore(body: PasswordRestoreBody): Promise<CodeSent>
  /** A2. Trades the code for a token, or an authorization code, by `response_type`. */
  verifyRestore(body: PasswordRestoreVerificationBody): Promise<Answer<typeof PasswordRestoreVerification>>
  /** A3. Resets the password; without `password` the customer is sent a temporary one. */
  resetPassword(ask: Bearer & PasswordRestoreResetBody): Promise<void>
  /** A4. The password, before the code. */
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
  openChallenge(ask: Bearer): Promise<Answer<typeof OpenChallenge>>
  /** B5b. Sends a code to whoever forgot a password, by exactly one of `email` and `phone`. */
  openUnauthorizedChallenge(
    ask: Omit<OpenUnauthorizedChallengeQuery, 'businessProcess'>,
  ): Promise<Answer<typeof OpenUnauthorizedChallenge>>
  /** B6. Trades the code for a success token. */
  answerChallenge(body: AnswerChallengeBody): Promise<Answer<typeof AnswerChallenge>>
  /** B1. */
  changePassword(ask: Bearer & { successToken: string } & ChangePasswordBody): Promise<void>
  /** B2. */
  restorePassword(ask: { successToken: string; password: string }): Promise<void>
  /** B3. */
  listPasswordChanges(ask: Bearer & Partial<Page>): Promise<Answer<typeof ListPasswordChanges>>
  /** B4. */
  getPasswordChange(ask: Bearer & { changeId: number }): Promise<Answer<typeof GetPasswordChange>>
  /** B7. An approval where a second person has to agree first. */
  setClientPassword(ask: OfClient & SetClientPasswordBody): Promise<ApprovalNeeded | undefined>
  /** B8. */
  listClientPasswordChanges(ask: OfClient & Partial<Page>): Promise<Answer<typeof ListPasswordChanges>>
  /** B8. */
  getClientPasswordChange(ask: OfClient & { changeId: number }): Promise<Answer<typeof GetPasswordChange>>
  /** B9. Signs the customer out and has the password changed at the next sign-in. */
  resetClientPassword(ask: OfClient): Promise<Accepted<typeof ResetClientPassword>>
  /** B9. The same for every customer: a job, or an approval to be given first. */
  resetAllPasswords(ask: Bearer): Promise<Accepted<typeof ResetAllPasswords>>
  getJob(ask: OfJob): Promise<Job>
  cancelJob(ask: OfJob): Promise<Job>
  /** Ends a recovery hold before its time. */
  endHold(ask: OfClient): Promise<void>
  /** Lets a customer who was blocked by "it was not me" sign in and restore again. */
  liftBlock(ask: OfClient): Promise<void>
  /** What waits for a second person. */
  listApprovals(ask: Bearer & { limit?: number; offset?: number }): Promise<{ total: number; data: Approval[] }>
  getApproval(ask: OfApproval): Promise<Approval>
  /** Agrees to a colleague's action. The job's id where it started one. */
  approve(ask: OfApproval): Promise<{ jobId: string } | undefined>
  reject(ask: OfApproval): Promise<void>
}

/** An answer without a body, as nothing. */
const orNothing = <T>(answer: T | ''): T | undefined => (answer === '' ? undefined : answer)

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
    openUnauthorizedChallenge: (ask) =>
      send('GET', '/api/v2/my/2fa/unauthorized/challenge', { query: { businessProcess: 'restorePassword', ...ask } }),
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
    async setClientPassword({ accessToken, clientId, ...body }) {
      return orNothing(
        await send<ApprovalNeeded | ''>('PUT', `/api/v2/clients/${clientId}/password`, { accessToken, body }),
      )
    },
    listClientPasswordChanges: ({ accessToken, clientId, ...query }) =>
      send('GET', `/api/v2/clients/${clientId}/password/changes`, { accessToken, query }),
    getClientPasswordChange: ({ accessToken, clientId, changeId }) =>
      send('GET', `/api/v2/clients/${clientId}/password/changes/${changeId}`, { accessToken }),
    resetClientPassword: ({ accessToken, clientId }) =>
      send('POST', `/api/v2/clients/${clientId}/reset-password`, { accessToken }),
    resetAllPasswords: ({ accessToken }) => send('POST', '/api/v2/clients/reset-password', { accessToken }),
    getJob: ({ accessToken, jobId }) => send('GET', `/api/v2/jobs/${jobId}`, { accessToken }),
    cancelJob: ({ accessToken, jobId }) => send('POST', `/api/v2/jobs/${jobId}/cancel`, { accessToken }),
    async endHold({ accessToken, clientId }) {
      await send('DELETE', `/api/v2/clients/${clientId}/hold`, { accessToken })
    },
    async liftBlock({ accessToken, clientId }) {
      await send('DELETE', `/api/v2/clients/${clientId}/block`, { accessToken })
    },
    listApprovals: ({ accessToken, ...query }) => send('GET', '/api/v2/approvals', { accessToken, query }),
    getApproval: ({ accessToken, approvalId }) => send('GET', `/api/v2/approvals/${approvalId}`, { accessToken }),
    async approve({ accessToken, approvalId }) {
      const path = `/api/v2/approvals/${approvalId}/approve`
      return orNothing(await send<{ jobId: string } | ''>('POST', path, { accessToken }))
    },
    async reject({ accessToken, approvalId }) {
      await send('POST', `/api/v2/approvals/${approvalId}/reject`, { accessToken })
    },
  }
}
